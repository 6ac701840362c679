// SPDX-License-Identifier: Apache-2.0

public import Synchronization

// The consuming side: receive and completion rings.
extension DescriptorRing {
  /// Grants descriptors to read; they stay in the ring until `release(_:)`.
  ///
  /// - Parameter count: The most descriptors wanted; 0 or more.
  /// - Returns: The index of the first, and how many from there on may be read; 0 if the ring is
  ///   empty or corrupt.
  @inlinable
  public func peek(_ count: Int) -> (index: UInt32, available: Int) {
    precondition(count >= 0, "A burst has no negative length.")
    let index = ownConsumer
    var available = Int(truncatingIfNeeded: ownProducer &- index)
    if available < count {
      noteProducer()
      available = isCorrupt ? 0 : Int(truncatingIfNeeded: ownProducer &- index)
    }
    return (index, min(available, count))
  }

  /// Hands the oldest descriptors back to the other side, which may overwrite them from now on.
  ///
  /// - Parameter count: How many; at most what the last `peek(_:)` granted.
  @inlinable
  public func release(_ count: Int) {
    precondition(
      UInt(bitPattern: count) <= UInt(truncatingIfNeeded: ownProducer &- ownConsumer),
      "A consumer releases what it has read, no more.")
    ownConsumer = ownConsumer &+ UInt32(truncatingIfNeeded: count)
    unsafe consumer.pointee.store(ownConsumer, ordering: .releasing)  // (C)
  }

  /// Takes up to a burst of the oldest descriptors, in order.
  ///
  /// - Parameters:
  ///   - destination: Where the descriptors go.
  ///   - count: The most descriptors to take; 0 or more.
  /// - Returns: The number taken; 0 if the ring is empty or corrupt.
  @inlinable
  public func consume(into destination: UnsafeMutablePointer<Element>, count: Int) -> Int {
    let (index, available) = peek(count)
    guard available != 0 else { return 0 }
    unsafe descriptors.read(into: destination, count: available, at: index)
    release(available)
    return available
  }

  /// Looks up how far the other side has produced, and believes it if it is possible.
  @inlinable
  func noteProducer() {
    let shown = unsafe producer.pointee.load(ordering: .acquiring)  // (B)
    // The other side may only advance, and never more than a ring ahead of what is consumed.
    let advance = shown &- ownProducer
    let room = mask &+ 1 &- (ownProducer &- ownConsumer)
    guard advance <= room else {
      isCorrupt = true
      return
    }
    ownProducer = shown
  }
}
