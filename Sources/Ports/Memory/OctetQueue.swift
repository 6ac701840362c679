// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A bounded queue of packets as octets: what lies on the wire of a memory port, not yet in anybody's buffer.
///
/// Records of a length and its octets in one ring of memory, each in one piece; a record that would not fit in front
/// of the end is preceded by a mark that says to go on at the beginning.
///
/// Any thread puts in, under a lock; one takes out. A producer fills a record, then stores the index behind it,
/// releasing (A), which the consumer loads, acquiring (B). The consumer reads, then stores its index, releasing (C),
/// which producers load, acquiring (D), before they overwrite.
@safe
final class OctetQueue: Sendable {
  // Safe: `capacity` octets that live as long as the queue; indices are masked.
  private nonisolated(unsafe) let memory: UnsafeMutableRawPointer
  private let capacity: Int
  private let produced = Atomic<Int>(0)
  private let consumed = Atomic<Int>(0)
  private let putCount = Atomic<Int>(0)
  private let takenCount = Atomic<Int>(0)
  private let putting = Mutex<Void>(())

  private static let headerByteCount = 8
  private static let wrapMark = Int32.min

  /// - Parameter byteCount: The least octets it holds, records' headers included.
  init(byteCount: Int) {
    // Twice the largest record, so that one fits wherever the last one ended.
    var rounded = 1 << 18
    while rounded < byteCount { rounded *= 2 }
    capacity = rounded
    unsafe memory = .allocate(byteCount: rounded, alignment: 64)
  }

  deinit {
    unsafe memory.deallocate()
  }

  /// Puts a packet in; any thread.
  ///
  /// - Returns: Whether there was room.
  func put(_ octets: UnsafeRawBufferPointer) -> Bool {
    unsafe put(byteCount: octets.count) { unsafe $0.copyMemory(from: octets) }
  }

  /// Puts a packet in that is written into the queue's memory; any thread.
  ///
  /// - Parameters:
  ///   - byteCount: Its octets, 1...131064.
  ///   - fill: Writes them; not called where there is no room.
  /// - Returns: Whether there was room.
  @inline(__always)
  func put(byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
    let needed = OctetQueue.recordByteCount(byteCount)
    return putting.withLock { _ in
      var start = produced.load(ordering: .relaxed)
      let toEnd = capacity - start & (capacity - 1)
      let wraps = needed > toEnd
      let total = wraps ? toEnd + needed : needed
      let free = capacity - (start - consumed.load(ordering: .acquiring))  // (D)
      guard total <= free else { return false }
      if wraps {
        unsafe record(at: start).storeBytes(of: OctetQueue.wrapMark, as: Int32.self)
        start += toEnd
      }
      let place = unsafe record(at: start)
      unsafe place.storeBytes(of: Int32(byteCount), as: Int32.self)
      unsafe fill(
        UnsafeMutableRawBufferPointer(
          start: place + OctetQueue.headerByteCount, count: byteCount))
      putCount.store(putCount.load(ordering: .relaxed) + 1, ordering: .relaxed)
      produced.store(start + needed, ordering: .releasing)  // (A)
      return true
    }
  }

  /// The oldest packet, which stays until ``removeFirst()``; the consumer only.
  func first() -> UnsafeRawBufferPointer? {
    var start = consumed.load(ordering: .relaxed)
    guard produced.load(ordering: .acquiring) != start else { return nil }  // (B)
    var place = unsafe record(at: start)
    if unsafe place.load(as: Int32.self) == OctetQueue.wrapMark {
      start += capacity - start & (capacity - 1)
      consumed.store(start, ordering: .releasing)
      unsafe place = memory
    }
    let count = unsafe Int(place.load(as: Int32.self))
    return unsafe UnsafeRawBufferPointer(
      start: place + OctetQueue.headerByteCount, count: count)
  }

  /// Forgets the oldest packet; the consumer only, after ``first()`` answered one.
  func removeFirst() {
    let start = consumed.load(ordering: .relaxed)
    let count = unsafe Int(record(at: start).load(as: Int32.self))
    takenCount.store(takenCount.load(ordering: .relaxed) + 1, ordering: .relaxed)
    consumed.store(start + OctetQueue.recordByteCount(count), ordering: .releasing)  // (C)
  }

  /// The packets in it, a moment old; the consumer only.
  var count: Int { putCount.load(ordering: .relaxed) - takenCount.load(ordering: .relaxed) }

  private func record(at index: Int) -> UnsafeMutableRawPointer {
    unsafe memory + (index & (capacity - 1))
  }

  private static func recordByteCount(_ count: Int) -> Int {
    headerByteCount + (count + 7) & ~7
  }
}
