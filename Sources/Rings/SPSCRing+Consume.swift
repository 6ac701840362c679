// SPDX-License-Identifier: Apache-2.0

public import Synchronization

extension SPSCRing {
  /// Takes the oldest slot.
  ///
  /// Consumer only; never allocates.
  ///
  /// - Returns: The slot, or nil if the ring is empty.
  @inlinable
  public func consume() -> UInt64? {
    let index = unsafe consumer.pointee.load(ordering: .relaxed)
    guard usedSlots(at: index, wanted: 1) != 0 else { return nil }
    let slot = unsafe slots.address(index).pointee
    unsafe consumer.pointee.store(index &+ 1, ordering: .releasing)  // (C)
    return slot
  }

  /// Takes up to a burst of the oldest slots, in order.
  ///
  /// Consumer only; never allocates.
  ///
  /// - Parameters:
  ///   - destination: Where the slots go.
  ///   - count: The most slots to take; 0 or more.
  /// - Returns: The number taken; 0 means that the ring was empty.
  @inlinable
  @inline(__always)
  public func consume(into destination: UnsafeMutablePointer<UInt64>, count: Int) -> Int {
    if count == 1 {
      guard let slot = consume() else { return 0 }
      unsafe destination.pointee = slot
      return 1
    }
    precondition(count >= 0, "A burst has no negative length.")
    let index = unsafe consumer.pointee.load(ordering: .relaxed)
    let taken = min(usedSlots(at: index, wanted: count), count)
    guard taken != 0 else { return 0 }
    unsafe slots.read(into: destination, count: taken, at: index)
    unsafe consumer.pointee.store(
      index &+ UInt32(truncatingIfNeeded: taken), ordering: .releasing)  // (C)
    return taken
  }

  /// Reads up to a burst of the oldest slots and leaves them in the ring.
  ///
  /// Consumer only. For a consumer that may die: it records what it has seen as its own, then calls
  /// `release(_:)`; whoever comes after it finds every slot in the ring or on record, never in neither.
  ///
  /// - Parameters:
  ///   - destination: Where the slots go.
  ///   - count: The most slots to read; 0 or more.
  /// - Returns: The number read; 0 means that the ring was empty.
  @inlinable
  public func peek(into destination: UnsafeMutablePointer<UInt64>, count: Int) -> Int {
    precondition(count >= 0, "A burst has no negative length.")
    let index = unsafe consumer.pointee.load(ordering: .relaxed)
    let granted = min(usedSlots(at: index, wanted: count), count)
    unsafe slots.read(into: destination, count: granted, at: index)
    return granted
  }

  /// Hands the oldest slots back to the producer.
  ///
  /// Consumer only.
  ///
  /// - Parameter count: At most what the last `peek(into:count:)` read.
  @inlinable
  public func release(_ count: Int) {
    let index = unsafe consumer.pointee.load(ordering: .relaxed)
    precondition(
      UInt(bitPattern: count) <= UInt(truncatingIfNeeded: cachedProducer &- index),
      "A consumer releases what it has read, no more.")
    unsafe consumer.pointee.store(
      index &+ UInt32(truncatingIfNeeded: count), ordering: .releasing)  // (C)
  }

  /// The filled slots, looked up at the producer only if the last note does not satisfy the burst.
  @inlinable
  @inline(__always)
  func usedSlots(at index: UInt32, wanted: Int) -> Int {
    let noted = Int(truncatingIfNeeded: cachedProducer &- index)
    if noted >= wanted { return noted }
    let produced = unsafe producer.pointee.load(ordering: .acquiring)  // (B)
    // A note is kept only if it is possible: a corrupt index must not lead past the slots.
    guard produced &- index <= limit else { return 0 }
    cachedProducer = produced
    return Int(truncatingIfNeeded: produced &- index)
  }
}
