// SPDX-License-Identifier: Apache-2.0

/// What programs send to the host.
enum RecordHelpers {
  // Safe: the functions follow arguments only through the context's memory and tables.
  static func register(in table: inout HelperTable) {
    unsafe table[130] = { map, data, byteCount, flags, _, context in
      let context = unsafe RunContext(context)
      return RecordHelpers.withRing(map, context) { ring in
        let count = Int(UInt32(truncatingIfNeeded: byteCount))
        guard context.memory.fits(data, count) else { return context.refuse(data) }
        guard context.spend(octets: count) else { return 0 }
        let result = unsafe ring.output(
          context.memory.address(data), UInt64(UInt32(truncatingIfNeeded: byteCount)), flags: flags)
        return result == Answer.fault ? context.refuse(data) : answer(result)
      } ?? answer(Answer.invalid)
    }
    unsafe table[131] = { map, byteCount, flags, _, _, context in
      RecordHelpers.withRing(map, unsafe RunContext(context)) {
        flags == 0 ? $0.reserve(byteCount) : 0
      } ?? 0
    }
    unsafe table[132] = { sample, _, _, _, _, context in
      RecordHelpers.commit(sample, discard: false, unsafe RunContext(context))
    }
    unsafe table[133] = { sample, _, _, _, _, context in
      RecordHelpers.commit(sample, discard: true, unsafe RunContext(context))
    }
    unsafe table[134] = { map, what, _, _, _, context in
      RecordHelpers.withRing(map, unsafe RunContext(context)) { $0.query(what) } ?? 0
    }
  }

  private static func withRing(
    _ handle: UInt64, _ context: RunContext, _ body: (RingBufferMap) -> UInt64
  ) -> UInt64? {
    let result = context.withMap(handle) { map -> UInt64? in
      guard map.kind == .ringBuffer else { return nil }
      // Safe: this kind is of this class.
      return unsafe body(unsafeDowncast(map, to: RingBufferMap.self))
    }
    return result ?? nil
  }

  /// Whose record it is follows from where it lies.
  private static func commit(
    _ sample: UInt64, discard: Bool, _ context: RunContext
  ) -> UInt64 {
    guard let table = unsafe context.owner(3) else { return 0 }
    let place = Int(UInt32(truncatingIfNeeded: sample) >> MapStore.ringShift)
    // Safe: the store's table, of which every word is 0 or a ring that lives as long as the store.
    let word = unsafe table.load(fromByteOffset: place &* 8, as: UnsafeRawPointer?.self)
    guard let word = unsafe word else { return 0 }
    unsafe Unmanaged<RingBufferMap>.fromOpaque(word)._withUnsafeGuaranteedRef {
      $0.commit(sample, discard: discard)
    }
    return 0
  }
}

// What helpers for packets need of maps.
extension RunContext {
  /// Adds a record to an event array, as `bpf_perf_event_output()` does once it has its octets.
  ///
  /// - Parameters:
  ///   - record: The octets.
  ///   - map: The array's handle.
  ///   - flags: The index in the low 32 bits; all of them set means the processor's own.
  /// - Returns: 0, or a negative error number.
  public func sendEvent(_ record: [UInt8], map: UInt64, flags: UInt64) -> Int32 {
    let processor = processor
    let wanted = flags & 0xffff_ffff
    let index = wanted == 0xffff_ffff ? UInt64(processor) : wanted
    return withMap(map) { map in
      guard map.kind == .perfEventArray else { return Answer.invalid }
      // Safe: this kind is of this class.
      let array = unsafe unsafeDowncast(map, to: EventArray.self)
      let result = array.check(index, processor: processor)
      return result == 0 ? array.append(record, to: Int(index)) : result
    } ?? Answer.invalid
  }

  /// What a program redirects to: the kind of map, and whether it has an entry; nil if the handle is of no such map.
  public func redirectTarget(_ map: UInt64, _ key: UInt32) -> (kind: MapKind, hasEntry: Bool)? {
    let found = withMap(map) { map -> (kind: MapKind, hasEntry: Bool)? in
      guard map.kind.isTarget else { return nil }
      return unsafe withUnsafeBytes(of: key) {
        unsafe (map.kind, map.lookup($0.baseAddress.unsafelyUnwrapped, processor: 0) != 0)
      }
    }
    return found ?? nil
  }
}
