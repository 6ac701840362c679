// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Glibc
internal import Synchronization

/// Records of any length from programs, in the order in which their room was reserved.
///
/// Positions count octets from the beginning and never go back. A record takes 8 octets, as in the kernel, and its
/// length rounded up to 8; it lies in one piece, because behind the ring there is once more as much memory. Lengths
/// lie outside the arena, one word for every 8 octets, so a program cannot forge one.
///
/// - Reserving writes a record's word with its top bit set, under the lock. Submitting clears the bit, releasing (A).
///   The reader loads the word, acquiring (B), then copies the record; without the pair it could copy too early.
///
/// Source: `kernel/bpf/ringbuf.c`.
@safe
final class RingBufferMap: BPFMap, @unchecked Sendable {
  private let memory: ValueMemory
  // Safe: the memory's, and this object's own tables.
  private let octets: UnsafeMutableRawPointer
  private let words: UnsafeMutablePointer<Atomic<UInt32>>
  private let produced: UnsafeMutablePointer<Atomic<UInt64>>
  private let consumed: UnsafeMutablePointer<Atomic<UInt64>>

  private static let busy: UInt32 = 1 << 31
  private static let discarded: UInt32 = 1 << 30
  private static let headerByteCount = 8

  init(_ frame: MapFrame, arena: Arena) throws(BPFMapError) {
    let byteCount = Int(frame.spec.maximumEntries)
    memory = try ValueMemory(arena: arena, byteCount: 2 * byteCount, for: frame.spec.name)
    unsafe octets = memory.address
    unsafe words = zeroed(byteCount / 8)
    unsafe produced = zeroed(1)
    unsafe consumed = zeroed(1)
    super.init(frame)
  }

  deinit {
    unsafe free(words)
    unsafe free(produced)
    unsafe free(consumed)
  }

  /// Where records lie in the arena window.
  var window: Range<Int> { Int(memory.offset)..<Int(memory.offset) + 2 * capacity }

  private func place(_ position: UInt64) -> Int { Int(position & UInt64(capacity - 1)) }

  private func roundedUp(_ byteCount: UInt64) -> UInt64 {
    (byteCount + UInt64(RingBufferMap.headerByteCount) + 7) & ~7
  }

  /// Takes room for a record; its window offset, or 0 where there is none.
  func reserve(_ byteCount: UInt64) -> UInt64 {
    guard byteCount < UInt64(RingBufferMap.discarded), roundedUp(byteCount) <= capacity else {
      return 0
    }
    return locked {
      let start = unsafe produced.pointee.load(ordering: .relaxed)
      let end = start + roundedUp(byteCount)
      let free = unsafe consumed.pointee.load(ordering: .acquiring)
      guard end - free <= UInt64(capacity - 1) else { return 0 }
      unsafe words[place(start) / 8].store(
        UInt32(byteCount) | RingBufferMap.busy, ordering: .relaxed)
      unsafe produced.pointee.store(end, ordering: .releasing)
      return UInt64(memory.offset) + UInt64(place(start) + RingBufferMap.headerByteCount)
    }
  }

  /// Ends the writing of a record; what is no reserved record is left alone.
  func commit(_ offset: UInt64, discard: Bool) {
    let start =
      Int(UInt32(truncatingIfNeeded: offset)) - Int(memory.offset) - RingBufferMap.headerByteCount
    guard start >= 0, start < capacity, start % 8 == 0 else { return }
    let word = unsafe words[start / 8].load(ordering: .relaxed)
    guard word & RingBufferMap.busy != 0 else { return }
    let bits = RingBufferMap.busy ^ (discard ? RingBufferMap.discarded : 0)
    unsafe words[start / 8].store(word ^ bits, ordering: .releasing)  // (A)
  }

  /// Adds a whole record.
  func output(_ data: UnsafeRawPointer, _ byteCount: UInt64, flags: UInt64) -> Int32 {
    guard flags & ~3 == 0 else { return Answer.invalid }
    let offset = reserve(byteCount)
    guard offset != 0 else { return Answer.again }
    let target = unsafe octets + Int(offset - UInt64(memory.offset))
    let isThere = unsafe copyValue(to: target, from: data, Int(byteCount))
    commit(offset, discard: !isThere)
    return isThere ? 0 : Answer.fault
  }

  /// What `bpf_ringbuf_query()` answers.
  func query(_ what: UInt64) -> UInt64 {
    let end = unsafe produced.pointee.load(ordering: .acquiring)
    let start = unsafe consumed.pointee.load(ordering: .acquiring)
    switch what {
    case 0: return end - start
    case 1: return UInt64(capacity)
    case 2: return start
    case 3: return end
    default: return 0
    }
  }

  /// Takes the oldest record out; nil if there is none, or it is still being written.
  ///
  /// One reader at a time.
  func read() -> [UInt8]? {
    while true {
      let start = unsafe consumed.pointee.load(ordering: .relaxed)
      guard unsafe start < produced.pointee.load(ordering: .acquiring) else { return nil }
      let word = unsafe words[place(start) / 8].load(ordering: .acquiring)  // (B)
      guard word & RingBufferMap.busy == 0 else { return nil }
      let byteCount = UInt64(word & ~RingBufferMap.discarded)
      let source = unsafe octets + place(start) + RingBufferMap.headerByteCount
      let record = unsafe Array(UnsafeRawBufferPointer(start: source, count: Int(byteCount)))
      unsafe consumed.pointee.store(start + roundedUp(byteCount), ordering: .releasing)
      if word & RingBufferMap.discarded == 0 { return record }
    }
  }
}
