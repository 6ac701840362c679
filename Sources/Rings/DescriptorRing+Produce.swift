// SPDX-License-Identifier: Apache-2.0

public import Synchronization

// The producing side: fill and transmit rings.
extension DescriptorRing {
  /// Grants room for descriptors; nothing moves until `submit(_:)`.
  ///
  /// - Parameter count: The most descriptors wanted; 0 or more.
  /// - Returns: The index of the first, and how many from there on may be written; 0 if the ring is
  ///   full or corrupt.
  @inlinable
  public func reserve(_ count: Int) -> (index: UInt32, granted: Int) {
    precondition(count >= 0, "A burst has no negative length.")
    let index = ownProducer
    var free = capacity &- Int(truncatingIfNeeded: index &- ownConsumer)
    if free < count {
      noteConsumer()
      free = isCorrupt ? 0 : capacity &- Int(truncatingIfNeeded: index &- ownConsumer)
    }
    return (index, min(free, count))
  }

  /// Publishes the oldest reserved descriptors, all of which are written.
  ///
  /// - Parameter count: How many; at most what the last `reserve(_:)` granted.
  @inlinable
  public func submit(_ count: Int) {
    let used = Int(truncatingIfNeeded: ownProducer &- ownConsumer)
    precondition(
      UInt(bitPattern: count) <= UInt(bitPattern: capacity &- used),
      "A producer submits what it has reserved, no more.")
    ownProducer = ownProducer &+ UInt32(truncatingIfNeeded: count)
    unsafe producer.pointee.store(ownProducer, ordering: .releasing)  // (A)
  }

  /// Appends as many descriptors of a burst as there is room for, from its start.
  ///
  /// - Parameters:
  ///   - source: The descriptors to append.
  ///   - count: How many; 0 or more.
  /// - Returns: The number appended; the rest stays the caller's.
  @inlinable
  public func produce(_ source: UnsafePointer<Element>, count: Int) -> Int {
    let (index, granted) = reserve(count)
    guard granted != 0 else { return 0 }
    unsafe descriptors.write(source, count: granted, at: index)
    submit(granted)
    return granted
  }

  /// The descriptors submitted and not consumed yet, as the mapping shows it now.
  @inlinable
  public var outstanding: Int {
    noteConsumer()
    return isCorrupt ? 0 : Int(truncatingIfNeeded: ownProducer &- ownConsumer)
  }

  /// Looks up how far the other side has consumed, and believes it if it is possible.
  @inlinable
  func noteConsumer() {
    let shown = unsafe consumer.pointee.load(ordering: .acquiring)  // (D)
    // The other side may only advance: from what was believed to what was produced.
    guard shown &- ownConsumer <= ownProducer &- ownConsumer else {
      isCorrupt = true
      return
    }
    ownConsumer = shown
  }
}
