// SPDX-License-Identifier: Apache-2.0

internal import Syscalls

extension MapStore {
  /// The octets that the values of one map may have.
  private static let maximumByteCount = 1 << 30
  /// The octets of a key that helpers copy; a key on a program's stack cannot have more.
  static let maximumKeyByteCount: UInt32 = 512

  func make(_ spec: MapSpec, handle: UInt32) throws(BPFMapError) -> BPFMap {
    guard let kind = MapKind(rawValue: spec.type) else {
      throw BPFMapError(
        spec.name, .invalidArgument, "is of type \(spec.type), which programs here cannot use")
    }
    try check(spec, kind)
    let frame = MapFrame(spec: spec, kind: kind, handle: handle, processorCount: processorCount)
    switch kind {
    case .array, .perCPUArray, .arrayOfMaps: return try ArrayMap(frame, arena: arena)
    case .hash, .perCPUHash, .lruHash, .lruPerCPUHash, .hashOfMaps, .deviceHash:
      return try HashMap(frame, arena: arena)
    case .longestPrefix: return try PrefixMap(frame, arena: arena)
    case .programArray: return ProgramArray(frame)
    case .deviceMap, .cpuMap, .xskMap: return try TargetMap(frame, arena: arena)
    case .queue, .stack: return QueueMap(frame)
    case .ringBuffer: return try RingBufferMap(frame, arena: arena)
    case .perfEventArray: return EventArray(frame)
    }
  }

  /// Refuses what the kernel refuses, and what would be too large for the arena.
  ///
  /// Source: the `map_alloc_check()` of each kind, `kernel/bpf/`.
  private func check(_ spec: MapSpec, _ kind: MapKind) throws(BPFMapError) {
    func require(_ condition: Bool, _ reason: String) throws(BPFMapError) {
      guard condition else { throw BPFMapError(spec.name, .invalidArgument, reason) }
    }
    try require(
      spec.maximumEntries > 0, "has no entries; set map.\(spec.name).max_entries before loading")
    let (key, value) = (spec.keyByteCount, spec.valueByteCount)
    switch kind {
    case .hash, .perCPUHash, .lruHash, .lruPerCPUHash:
      try require(key > 0 && value > 0, "needs keys and values of at least one octet")
      try require(spec.flags & 1 == 0 || !kind.isLRU, "cannot be without preallocation")
    case .array, .perCPUArray: try require(key == 4 && value > 0, "needs keys of 4 octets")
    case .hashOfMaps: try require(key > 0 && value == 4, "needs values of 4 octets")
    case .programArray, .perfEventArray, .arrayOfMaps:
      try require(key == 4 && value == 4, "needs keys and values of 4 octets")
    case .deviceMap, .deviceHash, .cpuMap:
      try require(
        key == 4 && (value == 4 || value == 8), "needs keys of 4, values of 4 or 8 octets")
    case .xskMap: try require(key == 4 && value == 4, "needs keys and values of 4 octets")
    case .longestPrefix:
      try require((5...260).contains(key) && value > 0, "needs keys of 5 to 260 octets")
      try require(spec.flags & 1 != 0, "needs the flag BPF_F_NO_PREALLOC")
    case .queue, .stack: try require(key == 0 && value > 0, "has no keys")
    case .ringBuffer:
      let count = spec.maximumEntries
      try require(key == 0 && value == 0, "has neither keys nor values")
      try require(
        count.nonzeroBitCount == 1 && count % 4096 == 0, "needs pages, a power of two of them")
    }
    try checkLimits(spec, kind)
  }

  private func checkLimits(_ spec: MapSpec, _ kind: MapKind) throws(BPFMapError) {
    func tooBig(_ reason: String) -> BPFMapError {
      BPFMapError(spec.name, .argumentListTooLong, reason)
    }
    guard spec.keyByteCount <= MapStore.maximumKeyByteCount else {
      throw tooBig("has keys of more than \(MapStore.maximumKeyByteCount) octets")
    }
    let copies = kind.isPerCPU ? processorCount : 1
    let value = max(UInt64(spec.valueByteCount), UInt64(spec.keyByteCount), 2)
    let (entries, first) = value.multipliedReportingOverflow(by: UInt64(spec.maximumEntries))
    let (total, second) = entries.multipliedReportingOverflow(by: UInt64(copies))
    guard !first, !second, total <= MapStore.maximumByteCount, spec.maximumEntries < 1 << 28 else {
      throw tooBig("has more than \(MapStore.maximumByteCount) octets; set fewer max_entries")
    }
  }
}
