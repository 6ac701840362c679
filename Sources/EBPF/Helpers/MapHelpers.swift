// SPDX-License-Identifier: Apache-2.0

/// What programs do with maps.
///
/// Source: `kernel/bpf/helpers.c`; the kernel's verifier refuses a map of the wrong kind, here it is `EINVAL`.
enum MapHelpers {
  // Safe: the functions follow arguments only through the context's memory and tables.
  static func register(in table: inout HelperTable) {
    unsafe table[1] = { map, key, _, _, _, context in
      unsafe MapHelpers.lookup(map, key, RunContext(context))
    }
    unsafe table[2] = { map, key, value, flags, _, context in
      unsafe MapHelpers.update(map, key, value, flags, RunContext(context))
    }
    unsafe table[3] = { map, key, _, _, _, context in
      unsafe MapHelpers.remove(map, key, RunContext(context))
    }
    unsafe table[12] = { _, map, index, _, _, context in
      unsafe MapHelpers.tailCall(map, index, RunContext(context))
    }
    unsafe table[164] = { map, function, argument, flags, _, context in
      unsafe MapHelpers.forEach(map, function, argument, flags, RunContext(context))
    }
    unsafe table[195] = { map, key, processor, _, _, context in
      unsafe MapHelpers.lookup(map, key, on: processor, RunContext(context))
    }
    registerQueues(in: &table)
  }

  private static func registerQueues(in table: inout HelperTable) {
    unsafe table[87] = { map, value, flags, _, _, context in
      let context = unsafe RunContext(context)
      return MapHelpers.withQueue(map, context) {
        unsafe $0.push(context.memory.address(value), flags: flags)
      }
    }
    unsafe table[88] = { map, value, _, _, _, context in
      let context = unsafe RunContext(context)
      return MapHelpers.withQueue(map, context) {
        unsafe $0.pop(into: context.memory.address(value), keeps: false)
      }
    }
    unsafe table[89] = { map, value, _, _, _, context in
      let context = unsafe RunContext(context)
      return MapHelpers.withQueue(map, context) {
        unsafe $0.pop(into: context.memory.address(value), keeps: true)
      }
    }
  }

  /// Copies a key out of the arena and calls `body` with it; what lies in a hole ends the program.
  @inline(__always)
  static func withKey(
    _ handle: UInt64, _ key: UInt64, _ context: RunContext,
    _ body: (BPFMap, UnsafeRawPointer) -> UInt64
  ) -> UInt64 {
    context.withMap(handle) { map in
      if map.keyByteCount == 4 {
        guard var word = context.memory.load32(key) else { return context.refuse(key) }
        return unsafe withUnsafeBytes(of: &word) {
          unsafe body(map, $0.baseAddress.unsafelyUnwrapped)
        }
      }
      return unsafe withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { room in
        let room = unsafe room.baseAddress.unsafelyUnwrapped
        guard unsafe context.memory.readKey(key, into: room, map.keyByteCount) else {
          return context.refuse(key)
        }
        return unsafe body(map, room)
      }
    } ?? answer(Answer.invalid)
  }

  /// Keys of four octets, which most are, take the short way: they need no room.
  @inline(__always)
  private static func lookup(_ handle: UInt64, _ key: UInt64, _ context: RunContext) -> UInt64 {
    let value = context.withMap(handle) { map -> UInt64? in
      guard map.keyByteCount == 4 else { return nil }
      guard var word = context.memory.load32(key) else { return context.refuse(key) }
      let processor = map.isPerCPU ? context.processor : 0
      // Safe: the word lives for the duration of the call.
      return unsafe map.lookup(&word, processor: processor)
    }
    return (value ?? nil) ?? lookupLong(handle, key, context)
  }

  @inline(never)
  private static func lookupLong(
    _ handle: UInt64, _ key: UInt64, _ context: RunContext
  ) -> UInt64 {
    let value = unsafe withKey(handle, key, context) { map, key in
      unsafe map.lookup(key, processor: map.isPerCPU ? context.processor : 0)
    }
    // Not an address: no such map, which only a program can come to that the verifier would refuse.
    return value >> 32 == 0 ? value : 0
  }

  private static func lookup(
    _ handle: UInt64, _ key: UInt64, on processor: UInt64, _ context: RunContext
  ) -> UInt64 {
    let value = unsafe withKey(handle, key, context) { map, key in
      guard map.kind.isPerCPU, processor < UInt64(map.processorCount) else { return 0 }
      return unsafe map.lookup(key, processor: Int(processor))
    }
    return value >> 32 == 0 ? value : 0
  }

  private static func update(
    _ handle: UInt64, _ key: UInt64, _ value: UInt64, _ flags: UInt64, _ context: RunContext
  ) -> UInt64 {
    unsafe withKey(handle, key, context) { map, key in
      // Maps of maps, programs and ports are the host's to change.
      guard !map.holdsMaps, !map.kind.isTarget, map.kind != .queue, map.kind != .stack,
        context.memory.fits(value, map.valueByteCount)
      else { return answer(Answer.invalid) }
      guard context.spend(octets: map.valueByteCount) else { return 0 }
      let result = unsafe map.update(
        key, context.memory.address(value), flags: flags, processor: context.processor)
      return result == Answer.fault ? context.refuse(value) : answer(result)
    }
  }

  private static func remove(_ handle: UInt64, _ key: UInt64, _ context: RunContext) -> UInt64 {
    unsafe withKey(handle, key, context) { map, key in
      guard !map.holdsMaps, !map.kind.isTarget, map.kind != .programArray else {
        return answer(Answer.invalid)
      }
      return answer(unsafe map.remove(key))
    }
  }

  private static func withQueue(
    _ handle: UInt64, _ context: RunContext, _ body: (QueueMap) -> Int32
  ) -> UInt64 {
    let result = context.withMap(handle) { map in
      guard map.kind == .queue || map.kind == .stack else { return Answer.invalid }
      guard context.spend(octets: map.valueByteCount) else { return 0 }
      // Safe: these kinds are of this class.
      let result = unsafe body(unsafeDowncast(map, to: QueueMap.self))
      if result == Answer.fault { context.fault = .memory }
      return result
    }
    return answer(result ?? Answer.invalid)
  }

  /// Ends the program for another one; where there is none, or too many have run, the program goes on.
  ///
  /// Source: `bpf_tail_call()`, `kernel/bpf/core.c`.
  private static func tailCall(
    _ handle: UInt64, _ index: UInt64, _ context: RunContext
  ) -> UInt64 {
    let target = context.withMap(handle) { map -> UInt in
      guard map.kind == .programArray else { return 0 }
      // Safe: this kind is of this class.
      return unsafe unsafeDowncast(map, to: ProgramArray.self).target(
        UInt32(truncatingIfNeeded: index))
    }
    guard let target, target != 0, context.replaceProgram(by: UInt64(target)) else {
      return answer(Answer.missing)
    }
    return 0
  }

  /// Calls a function for each element; its key is a copy in the runner's scratch memory.
  ///
  /// Source: `bpf_for_each_array_elem()`, `bpf_for_each_hash_elem()`.
  private static func forEach(
    _ handle: UInt64, _ function: UInt64, _ argument: UInt64, _ flags: UInt64,
    _ context: RunContext
  ) -> UInt64 {
    guard flags == 0 else { return answer(Answer.invalid) }
    let count = context.withMap(handle) { map in
      context.withRunner { runner in
        guard let (key, keyOffset) = unsafe runner.keyRoom() else { return answer(Answer.noSpace) }
        unsafe runner.notes.pointee.depth += 1
        defer { unsafe runner.notes.pointee.depth -= 1 }
        return unsafe walk(map, context, key) { value in
          guard context.spend(1) else { return nil }
          return context.call(function, (handle, keyOffset, value, argument))
        }
      }
    }
    return count ?? answer(Answer.invalid)
  }

  private static func walk(
    _ map: BPFMap, _ context: RunContext, _ key: UnsafeMutableRawPointer,
    _ body: (UInt64) -> UInt64?
  ) -> UInt64 {
    var count: UInt64 = 0
    var next = [UInt8](repeating: 0, count: map.keyByteCount)
    return unsafe next.withUnsafeMutableBytes { next in
      guard let room = next.baseAddress else { return answer(Answer.invalid) }
      while unsafe map.next(after: count == 0 ? nil : UnsafeRawPointer(room), into: room) == 0 {
        unsafe key.copyMemory(from: room, byteCount: map.keyByteCount)
        let value = unsafe map.lookup(room, processor: map.isPerCPU ? context.processor : 0)
        count &+= 1
        guard value != 0 else { continue }
        guard let result = body(value) else { return 0 }
        if result != 0 { break }
      }
      return count
    }
  }
}

extension GuestMemory {
  /// Copies a key, in words as long as there are any.
  @inline(__always)
  func readKey(_ offset: UInt64, into target: UnsafeMutableRawPointer, _ count: Int) -> Bool {
    var at = 0
    while at &+ 8 <= count {
      guard let word = load64(offset &+ UInt64(at)) else { return false }
      unsafe target.storeBytes(of: word, toByteOffset: at, as: UInt64.self)
      at &+= 8
    }
    while at < count {
      guard let octet = load8(offset &+ UInt64(at)) else { return false }
      unsafe target.storeBytes(of: octet, toByteOffset: at, as: UInt8.self)
      at &+= 1
    }
    return true
  }
}
