// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// A bounded queue of 64-bit slots with one producer and one consumer, in memory that both map.
///
/// The value is a reference of 8 octets; copies refer to the same ring. Whoever allocated the memory
/// keeps it mapped while any copy is in use. At any instant at most one thread produces and at most
/// one consumes, in the same process or in two: nothing in the memory is a pointer.
///
///         +0    producer index | consumer index as the producer last saw it | a PointerRing's lock
///         +128  consumer index | producer index as the consumer last saw it
///         +192  capacity | mask                     written once
///         +256  slots, a power of two of them
///
/// The two sides are two lines apart, because processors fetch lines in pairs: at 64 octets a burst of
/// one costs half as much again. Align the memory to 128 to profit.
///
/// Indices run freely over 32 bits and are masked on use. A capacity that is no power of two gets the
/// next one in slots and is bounded by the capacity alone.
///
/// Who writes and which orderings pair:
///
/// - The producer fills slots, then stores its index, releasing (A). The consumer loads that index,
///   acquiring (B), then reads the slots. Without the pair it could read a slot before it is filled.
/// - The consumer reads slots, then stores its index, releasing (C). The producer loads that index,
///   acquiring (D), then overwrites the slots. Without the pair it could overwrite a slot that is
///   still being read.
/// - Each side looks at the other's line only when its own note of the other's index does not satisfy
///   the burst; this is what makes a slot cost a nanosecond instead of a cache miss.
///
/// An index that claims more than the capacity is never followed: the ring reads as full to its
/// producer and as empty to its consumer, and `isCorrupt` says why.
@safe
@frozen
public struct SPSCRing: @unchecked Sendable {
  // Safe: @unchecked Sendable, because one producer and one consumer is the contract of the type and
  // every field that both touch is atomic.
  @usableFromInline let base: UnsafeMutableRawPointer

  /// Refers to a ring without looking at it.
  @inlinable
  init(base: UnsafeMutableRawPointer) {
    unsafe self.base = unsafe base
  }

  /// Lays out an empty ring.
  ///
  /// - Parameters:
  ///   - memory: `byteCount(capacity:)` octets, aligned to 64, that outlive every copy of the ring.
  ///   - capacity: The most slots that the ring holds at once; 1...16384.
  ///   - startIndex: Where both indices begin; other than 0 to test that they wrap.
  public init(
    initializing memory: UnsafeMutableRawPointer, capacity: Int, startIndex: UInt32 = 0
  ) {
    let slotCount = RingGeometry.slotCount(forCapacity: capacity)
    precondition(
      UInt(bitPattern: memory) % UInt(RingGeometry.cacheLineByteCount) == 0,
      "A ring's memory is aligned to a cache line.")
    unsafe memory.initializeMemory(
      as: UInt8.self, repeating: 0, count: Self.byteCount(capacity: capacity))
    unsafe self.base = unsafe memory
    cachedConsumer = startIndex
    cachedProducer = startIndex
    unsafe (memory + 192).storeBytes(of: UInt32(capacity), as: UInt32.self)
    unsafe (memory + 196).storeBytes(of: UInt32(slotCount - 1), as: UInt32.self)
    unsafe consumer.pointee.store(startIndex, ordering: .relaxed)
    unsafe producer.pointee.store(startIndex, ordering: .releasing)
  }

  /// Refers to a ring that another thread or process laid out.
  ///
  /// - Parameter memory: The start of the ring as this process maps it.
  /// - Precondition: The memory holds a ring.
  public init(attaching memory: UnsafeMutableRawPointer) {
    unsafe self.base = unsafe memory
    precondition(
      (1...RingGeometry.maximumCapacity).contains(capacity)
        && Int(mask) == RingGeometry.slotCount(forCapacity: capacity) - 1,
      "The memory holds no ring.")
  }

  /// The octets that a ring needs.
  ///
  /// - Parameter capacity: The most slots that the ring holds at once; 1...16384.
  /// - Returns: The octets to allocate, aligned to 64.
  @inlinable
  public static func byteCount(capacity: Int) -> Int {
    slotsOffset
      + RingGeometry.slotCount(forCapacity: capacity) * MemoryLayout<UInt64>.stride
  }

  /// The octets before the first slot: two pairs of cache lines.
  @inlinable
  static var slotsOffset: Int { 4 * RingGeometry.cacheLineByteCount }
}

// MARK: - Fields

// Safe: every offset lies inside the octets that `byteCount(capacity:)` asked for, and each plain
// field is touched by one side only.
extension SPSCRing {
  @inlinable
  var producer: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe base.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  @inlinable
  var consumer: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (base + 128).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  @inlinable
  var cachedConsumer: UInt32 {
    get { unsafe (base + 4).assumingMemoryBound(to: UInt32.self).pointee }
    nonmutating set { unsafe (base + 4).assumingMemoryBound(to: UInt32.self).pointee = newValue }
  }

  @inlinable
  var cachedProducer: UInt32 {
    get { unsafe (base + 132).assumingMemoryBound(to: UInt32.self).pointee }
    nonmutating set { unsafe (base + 132).assumingMemoryBound(to: UInt32.self).pointee = newValue }
  }

  @inlinable
  var limit: UInt32 { unsafe (base + 192).assumingMemoryBound(to: UInt32.self).pointee }

  @inlinable
  var mask: UInt32 { unsafe (base + 196).assumingMemoryBound(to: UInt32.self).pointee }

  @inlinable
  var slots: SlotArray<UInt64> {
    unsafe SlotArray(
      first: (base + Self.slotsOffset).assumingMemoryBound(to: UInt64.self), mask: mask)
  }
}

// MARK: - State

extension SPSCRing {
  /// The most slots that the ring holds at once.
  @inlinable
  public var capacity: Int { Int(truncatingIfNeeded: limit) }

  /// The number of slots that are produced and not yet released.
  ///
  /// Any thread may ask. It is exact for a side that knows the other to be quiet; otherwise a moment old.
  @inlinable
  public var count: Int {
    // The consumer's index is read first, so that the difference never goes below zero.
    let consumed = unsafe consumer.pointee.load(ordering: .acquiring)
    let produced = unsafe producer.pointee.load(ordering: .acquiring)
    return Int(truncatingIfNeeded: min(produced &- consumed, limit))
  }

  /// Whether no slot is waiting for the consumer.
  ///
  /// A consumer that is about to sleep sets its flag, executes a sequentially consistent fence and
  /// asks this again; a producer does the same in the opposite order, or a wake-up can be lost.
  @inlinable
  public var isEmpty: Bool {
    let consumed = unsafe consumer.pointee.load(ordering: .acquiring)
    return unsafe producer.pointee.load(ordering: .acquiring) == consumed
  }

  /// Whether the producer would be refused.
  @inlinable
  public var isFull: Bool { count == capacity }

  /// Whether the indices claim more slots than the ring has; asked while both sides are quiet.
  ///
  /// No sequence of produce and consume leads there: the memory was overwritten.
  @inlinable
  public var isCorrupt: Bool {
    let consumed = unsafe consumer.pointee.load(ordering: .acquiring)
    return unsafe producer.pointee.load(ordering: .acquiring) &- consumed > limit
  }
}
