// SPDX-License-Identifier: Apache-2.0

public import Synchronization

extension SPSCRing {
  /// Appends one slot.
  ///
  /// Producer only; never allocates.
  ///
  /// - Returns: Whether there was room.
  @inlinable
  public func produce(_ slot: UInt64) -> Bool {
    let index = unsafe producer.pointee.load(ordering: .relaxed)
    guard freeSlots(at: index, wanted: 1) != 0 else { return false }
    unsafe slots.address(index).pointee = slot
    unsafe producer.pointee.store(index &+ 1, ordering: .releasing)  // (A)
    return true
  }

  /// Appends as many slots of a burst as there is room for, from its start.
  ///
  /// Producer only; never allocates. The consumer sees all of them at once.
  ///
  /// - Parameters:
  ///   - source: The slots to append.
  ///   - count: How many; 0 or more.
  /// - Returns: The number appended; the rest stays the caller's.
  @inlinable
  @inline(__always)
  public func produce(_ source: UnsafePointer<UInt64>, count: Int) -> Int {
    if count == 1 { return unsafe produce(source.pointee) ? 1 : 0 }
    precondition(count >= 0, "A burst has no negative length.")
    let index = unsafe producer.pointee.load(ordering: .relaxed)
    let granted = min(freeSlots(at: index, wanted: count), count)
    guard granted != 0 else { return 0 }
    unsafe slots.write(source, count: granted, at: index)
    unsafe producer.pointee.store(
      index &+ UInt32(truncatingIfNeeded: granted), ordering: .releasing)  // (A)
    return granted
  }

  /// The free slots, looked up at the consumer only if the last note does not satisfy the burst.
  @inlinable
  @inline(__always)
  func freeSlots(at index: UInt32, wanted: Int) -> Int {
    let limit = self.limit
    let noted = Int(truncatingIfNeeded: limit &- (index &- cachedConsumer))
    if noted >= wanted { return noted }
    let consumed = unsafe consumer.pointee.load(ordering: .acquiring)  // (D)
    // A note is kept only if it is possible, so that the subtraction above cannot wrap.
    guard index &- consumed <= limit else { return 0 }
    cachedConsumer = consumed
    return Int(truncatingIfNeeded: limit &- (index &- consumed))
  }
}
