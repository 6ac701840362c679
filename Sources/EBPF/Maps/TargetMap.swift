// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Glibc
internal import Synchronization

/// Indices to ports, CPUs or sockets.
///
/// Only the host sets it; programs redirect to it, and may read the values. Whether an index has an entry is written outside the arena; the octets of the value are for programs to look at.
///
/// Source: `kernel/bpf/devmap.c`, `cpumap.c`, `net/xdp/xskmap.c`.
@safe
final class TargetMap: BPFMap, @unchecked Sendable {
  private let memory: ValueMemory
  // Safe: the memory's, and a table of this object.
  private let values: UnsafeMutableRawPointer
  private let present: UnsafeMutablePointer<Atomic<UInt8>>

  init(_ frame: MapFrame, arena: Arena) throws(BPFMapError) {
    let stride = Int(frame.spec.valueByteCount + 7) & ~7
    memory = try ValueMemory(
      arena: arena, byteCount: stride * Int(frame.spec.maximumEntries), for: frame.spec.name)
    unsafe values = memory.address
    unsafe present = zeroed(Int(frame.spec.maximumEntries))
    super.init(frame)
  }

  deinit { unsafe free(present) }

  override func lookup(_ key: UnsafeRawPointer, processor: Int) -> UInt64 {
    guard let place = unsafe address(of: key, processor: 0) else { return 0 }
    return UInt64(memory.offset) + UInt64(unsafe place - values)
  }

  override func address(of key: UnsafeRawPointer, processor: Int) -> UnsafeMutableRawPointer? {
    let index = Int(unsafe key.loadUnaligned(as: UInt32.self))
    guard index < capacity, unsafe present[index].load(ordering: .acquiring) != 0 else {
      return nil
    }
    return unsafe values + index * stride
  }

  /// A value whose first word is 0 removes the entry of a device or CPU map, as in the kernel.
  override func update(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, flags: UInt64, processor: Int?
  ) -> Int32 {
    guard processor == nil, flags <= UpdateFlags.mustExist else { return Answer.invalid }
    let index = Int(unsafe key.loadUnaligned(as: UInt32.self))
    guard index < capacity else { return Answer.tooBig }
    if kind == .xskMap {
      let isThere = unsafe present[index].load(ordering: .relaxed) != 0
      if isThere, flags == UpdateFlags.mustNotExist { return Answer.exists }
      if !isThere, flags == UpdateFlags.mustExist { return Answer.missing }
    } else if flags == UpdateFlags.mustNotExist {
      return Answer.exists
    }
    let isEmpty = unsafe kind != .xskMap && value.loadUnaligned(as: UInt32.self) == 0
    unsafe (values + index * stride).copyMemory(from: value, byteCount: valueByteCount)
    unsafe present[index].store(isEmpty ? 0 : 1, ordering: .releasing)
    return 0
  }

  override func remove(_ key: UnsafeRawPointer) -> Int32 {
    let index = Int(unsafe key.loadUnaligned(as: UInt32.self))
    guard index < capacity else { return Answer.invalid }
    unsafe present[index].store(0, ordering: .releasing)
    return 0
  }

  override func next(after key: UnsafeRawPointer?, into room: UnsafeMutableRawPointer) -> Int32 {
    unsafe nextIndex(after: key, into: room, below: UInt32(capacity))
  }
}
