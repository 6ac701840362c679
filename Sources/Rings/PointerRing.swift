// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// A bounded queue of 64-bit slots with many producers and one consumer, in memory that all map.
///
/// It brings buffers home: workers produce in batches under one spin lock, the owner of the pool
/// consumes without it. The value is a reference of 8 octets; copies refer to the same ring. Whoever
/// allocated the memory keeps it mapped while any copy is in use. Never allocates.
///
///         +0    spin lock of the producers      the holder's number
///         +64   an `SPSCRing`
///
/// Who writes and which orderings pair: the lock makes the producers one, handing the producer's line
/// from each to the next; between them and the consumer stand the orderings (A)...(D) of `SPSCRing`.
///
/// A producer that dies holding the lock has published all of its batch or nothing, because a batch
/// becomes visible by one store. So `recover(from:as:)` has nothing to repair: it frees the lock.
///
/// Source: `struct ptr_ring`, `include/linux/ptr_ring.h`, in purpose. The kernel publishes each slot
/// by writing a pointer other than NULL and takes it by writing NULL, lazily; a full ring may there
/// hold up to 15 slots that are consumed already, and a producer dying half-way would leave a hole.
/// Here the indices publish, so a slot may be 0, the capacity is exact and a burst is copied at once.
@safe
@frozen
public struct PointerRing: @unchecked Sendable {
  // Safe: @unchecked Sendable, because producers hold the lock and one consumer is the contract.
  @usableFromInline let base: UnsafeMutableRawPointer

  /// Lays out an empty ring.
  ///
  /// - Parameters:
  ///   - memory: `byteCount(capacity:)` octets, aligned to 64, that outlive every copy of the ring.
  ///   - capacity: The most slots that the ring holds at once; 1...16384.
  ///   - startIndex: Where both indices begin; other than 0 to test that they wrap.
  public init(
    initializing memory: UnsafeMutableRawPointer, capacity: Int, startIndex: UInt32 = 0
  ) {
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.queueOffset)
    unsafe _ = SPSCRing(
      initializing: memory + Self.queueOffset, capacity: capacity, startIndex: startIndex)
    unsafe self.base = unsafe memory
  }

  /// Refers to a ring that another thread or process laid out.
  ///
  /// - Parameter memory: The start of the ring as this process maps it.
  /// - Precondition: The memory holds a ring.
  public init(attaching memory: UnsafeMutableRawPointer) {
    unsafe _ = SPSCRing(attaching: memory + Self.queueOffset)
    unsafe self.base = unsafe memory
  }

  /// The octets that a ring needs.
  ///
  /// - Parameter capacity: The most slots that the ring holds at once; 1...16384.
  /// - Returns: The octets to allocate, aligned to 64.
  @inlinable
  public static func byteCount(capacity: Int) -> Int {
    queueOffset + SPSCRing.byteCount(capacity: capacity)
  }

  /// The lock has a line to itself: whoever spins on it must not slow the holder or the consumer.
  @inlinable
  static var queueOffset: Int { 2 * RingGeometry.cacheLineByteCount }

  /// The producers' lock.
  @inlinable
  public var lock: SpinLock { unsafe SpinLock(base) }

  // Safe: `byteCount(capacity:)` counts the queue's octets behind the lock's line.
  @inlinable
  var queue: SPSCRing { unsafe SPSCRing(base: base + Self.queueOffset) }

  /// The most slots that the ring holds at once.
  @inlinable
  public var capacity: Int { queue.capacity }

  /// The number of slots waiting for the consumer; exact when quiet, otherwise a moment old.
  @inlinable
  public var count: Int { queue.count }

  /// Whether no slot is waiting for the consumer.
  @inlinable
  public var isEmpty: Bool { queue.isEmpty }

  /// Whether a producer would be refused.
  @inlinable
  public var isFull: Bool { queue.isFull }

  /// Whether the indices claim more slots than the ring has; asked while all sides are quiet.
  @inlinable
  public var isCorrupt: Bool { queue.isCorrupt }

  /// Frees the lock of a producer that is known to be dead.
  ///
  /// - Parameters:
  ///   - dead: The number that it locked with.
  ///   - owner: The caller's number; not 0.
  /// - Returns: Whether the dead one held the lock. What it had not published by then is in no ring.
  public func recover(from dead: UInt32, as owner: UInt32) -> Bool {
    guard lock.seize(from: dead, as: owner) else { return false }
    lock.release()
    return true
  }
}

// MARK: - Producing, any thread

extension PointerRing {
  /// Appends one slot.
  ///
  /// Alone it costs about ten times as much as in a batch of 32: collect first where you can.
  ///
  /// - Parameters:
  ///   - slot: The slot to append.
  ///   - owner: The number to lock with; the calling thread's context, or a process-wide unique one.
  /// - Returns: Whether there was room.
  @inlinable
  public func produce(_ slot: UInt64, as owner: UInt32 = clinux_context()) -> Bool {
    let lock = self.lock
    lock.acquire(as: owner)
    let isProduced = queue.produce(slot)
    lock.release()
    return isProduced
  }

  /// Appends as many slots of a burst as there is room for, from its start, in one locking.
  ///
  /// - Parameters:
  ///   - source: The slots to append.
  ///   - count: How many; 0 or more. 32 to 64 pay for the lock.
  ///   - owner: The number to lock with; the calling thread's context, or a process-wide unique one.
  /// - Returns: The number appended; the rest stays the caller's.
  @inlinable
  public func produce(
    _ source: UnsafePointer<UInt64>, count: Int, as owner: UInt32 = clinux_context()
  ) -> Int {
    let lock = self.lock
    lock.acquire(as: owner)
    let granted = unsafe queue.produce(source, count: count)
    lock.release()
    return granted
  }
}

// MARK: - Consuming, one thread

extension PointerRing {
  /// Takes the oldest slot, without the lock.
  ///
  /// - Returns: The slot, or nil if the ring is empty.
  @inlinable
  public func consume() -> UInt64? { queue.consume() }

  /// Takes up to a burst of the oldest slots, in order, without the lock.
  ///
  /// - Parameters:
  ///   - destination: Where the slots go.
  ///   - count: The most slots to take; 0 or more.
  /// - Returns: The number taken; 0 means that the ring was empty.
  @inlinable
  public func consume(into destination: UnsafeMutablePointer<UInt64>, count: Int) -> Int {
    unsafe queue.consume(into: destination, count: count)
  }
}
