// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Syscalls

// The host's side, as bpf(2) has it: keys and values are octets, errors are the kernel's.
extension BPFMap {
  /// The octets of a value as the host sees it: of kinds with a value for each processor, all of them, each rounded up
  /// to 8 octets.
  public var hostValueByteCount: Int { kind.isPerCPU ? stride * processorCount : valueByteCount }

  /// Reads a value.
  ///
  /// - Parameter key: The key; empty for queues and stacks, whose next value stays.
  /// - Returns: The value, ``hostValueByteCount`` octets.
  /// - Throws: `ENOENT` where there is none, `EOPNOTSUPP` for kinds that cannot be read.
  public func value(of key: [UInt8]) throws(Errno) -> [UInt8] {
    if kind == .queue || kind == .stack { return try pop(keeps: true) }
    try checkKey(key)
    if kind == .programArray || kind == .ringBuffer || kind == .perfEventArray || kind == .xskMap {
      throw .notSupported
    }
    let value = unsafe key.withUnsafeBytes { unsafe copied($0.baseAddress) }
    guard let value else { throw .noSuchFileOrDirectory }
    return value
  }

  /// The values of a key for all processors.
  private func copied(_ key: UnsafeRawPointer?) -> [UInt8]? {
    guard let key = unsafe key else { return nil }
    var value: [UInt8] = []
    for processor in 0..<processorCount {
      guard let start = unsafe address(of: key, processor: processor) else { return nil }
      let count = kind.isPerCPU ? stride : valueByteCount
      unsafe value += unsafe UnsafeRawBufferPointer(start: start, count: count)
    }
    return value
  }

  /// Sets a value.
  ///
  /// - Parameters:
  ///   - value: ``hostValueByteCount`` octets.
  ///   - key: The key; empty for queues and stacks, which get one value more.
  ///   - flags: `BPF_ANY`, `BPF_NOEXIST` or `BPF_EXIST`.
  /// - Throws: What the kernel answers.
  public func setValue(_ value: [UInt8], of key: [UInt8], flags: UInt64 = 0) throws(Errno) {
    try checkKey(key)
    guard value.count == hostValueByteCount, !kind.holdsMaps else { throw .invalidArgument }
    try check(
      unsafe key.withUnsafeBytes { key in
        unsafe value.withUnsafeBytes { value in
          guard let source = value.baseAddress else { return Answer.invalid }
          return unsafe update(
            key.baseAddress ?? source, source, flags: flags, processor: nil)
        }
      })
  }

  /// Removes a key.
  ///
  /// - Throws: What the kernel answers, `ENOENT` where there was none.
  public func removeValue(of key: [UInt8]) throws(Errno) {
    try checkKey(key)
    try check(
      unsafe key.withUnsafeBytes { key in
        guard let start = key.baseAddress else { return Answer.invalid }
        return unsafe remove(start)
      })
  }

  /// The key behind another one, in an order that only changes when the map does.
  ///
  /// - Parameter key: nil, or a key that is not there, begins at the first.
  /// - Returns: The key; nil behind the last one.
  /// - Throws: `EINVAL` for kinds without keys.
  public func nextKey(after key: [UInt8]?) throws(Errno) -> [UInt8]? {
    if let key { try checkKey(key) }
    guard keyByteCount > 0 else { throw .invalidArgument }
    var room = [UInt8](repeating: 0, count: keyByteCount)
    let result = unsafe room.withUnsafeMutableBytes { room in
      guard let start = room.baseAddress else { return Answer.invalid }
      guard let key else { return unsafe next(after: nil, into: start) }
      return unsafe key.withUnsafeBytes { unsafe next(after: $0.baseAddress, into: start) }
    }
    if result == Answer.missing { return nil }
    try check(result)
    return room
  }

  /// All keys; exact when nobody changes the map.
  public var keys: [[UInt8]] {
    var keys: [[UInt8]] = []
    while let key = try? nextKey(after: keys.last) { keys.append(key) }
    return keys
  }

  /// Takes the next value out of a queue or stack.
  ///
  /// - Throws: `ENOENT` where there is none.
  public func popValue() throws(Errno) -> [UInt8] { try pop(keeps: false) }

  private func pop(keeps: Bool) throws(Errno) -> [UInt8] {
    guard let queue = self as? QueueMap else { throw .invalidArgument }
    var room = [UInt8](repeating: 0, count: valueByteCount)
    let result = unsafe room.withUnsafeMutableBytes { room in
      guard let start = room.baseAddress else { return Answer.invalid }
      return unsafe queue.pop(into: start, keeps: keeps)
    }
    try check(result)
    return room
  }

  private func checkKey(_ key: [UInt8]) throws(Errno) {
    guard key.count == keyByteCount else { throw .invalidArgument }
  }

  private func check(_ result: Int32) throws(Errno) {
    if result < 0 { throw Errno(rawValue: -result) }
  }
}

// What the host puts into maps that hold something else than octets, and takes out of those that carry records.
extension BPFMap {
  /// Makes a key of a map of maps lead to a map of the same store.
  ///
  /// - Throws: `EINVAL` for another kind of map, or one that programs cannot name; else as ``setValue(_:of:flags:)``.
  public func setMap(_ map: BPFMap, of key: [UInt8], flags: UInt64 = 0) throws(Errno) {
    guard kind.holdsMaps, map.handle != 0, !map.kind.holdsMaps else { throw .invalidArgument }
    try checkKey(key)
    var handle = map.handle
    try check(
      unsafe key.withUnsafeBytes { key in
        guard let start = key.baseAddress else { return Answer.invalid }
        return unsafe withUnsafeBytes(of: &handle) { handle in
          guard let source = handle.baseAddress else { return Answer.invalid }
          return unsafe update(start, source, flags: flags, processor: nil)
        }
      })
  }

  /// Makes an index of a program array lead to a program.
  ///
  /// - Throws: `E2BIG` beyond the array, `EINVAL` for another kind of map.
  public func setProgram(_ program: Executable, at index: UInt32) throws(Errno) {
    guard let array = self as? ProgramArray else { throw .invalidArgument }
    try check(array.set(program, at: index))
  }

  /// Begins to keep the records that programs send to an index of an event array.
  ///
  /// - Parameters:
  ///   - index: The index, by convention a processor.
  ///   - byteCount: The octets that are kept until ``takeEvents(of:)``.
  /// - Throws: `E2BIG` beyond the array, `EINVAL` for another kind of map.
  public func openEvents(of index: Int, byteCount: Int = 1 << 16) throws(Errno) {
    guard let array = self as? EventArray else { throw .invalidArgument }
    try check(array.open(index, byteCount: byteCount))
  }

  /// Takes out the records of an event array, oldest first, and the number of those that found no room.
  public func takeEvents(of index: Int) -> (records: [[UInt8]], lost: Int) {
    (self as? EventArray)?.drain(index) ?? ([], 0)
  }

  /// Takes the oldest record out of a ring buffer; nil where there is none.
  ///
  /// One thread at a time.
  public func readRecord() -> [UInt8]? { (self as? RingBufferMap)?.read() }
}
