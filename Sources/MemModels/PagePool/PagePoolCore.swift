// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import CLinux
public import Rings
public import Synchronization
internal import XDPFrame

/// A reference to a pool's state, hand-laid in the trusted region.
///
///        0 owner u32, habits u32                     read by all, written when the pool changes hands or habits
///       64 cached u32; counters of allocation; 120 half in hand u64     the owner's
///      128 counters of direct recycling              the owner's
///      192 cache: 128 × u64                          the owner's
///     1216 counters of recycling from afar           atomic additions, once per bulk
///     1280 source: lock u32, count u32               under the lock
///     1288 where the source's pages begin u32        never changes
///     1344 ring, then the source's pages
///
/// A page stands in cache, ring and source as the octet offset of its descriptor: no pointers in shared memory,
/// and one addition makes a reference of it.
///
/// Who writes what: the owner alone touches its lines. Anybody returns pages through the ring, whose lock makes the
/// writes of the returning thread visible to the owner. ``owner`` is read without order: whoever is the owner
/// wrote it itself, and for everybody else any other value leads to the ring.
///
/// What a thread that returns pages touches last is the lock under which it published them: that is how ``settle()``
/// knows that nobody is inside any more.
@frozen
@usableFromInline
@safe
struct PagePoolCore: @unchecked Sendable {
  // Safe: a trusted block that the pool keeps alive, and offsets that stay inside it.
  @usableFromInline let state: UnsafeMutableRawPointer

  static let ringOffset = 1_344

  static func byteCount(pageCount: Int, ringCapacity: Int) -> Int {
    ringOffset + ringByteCount(ringCapacity) + 8 * pageCount
  }

  private static func ringByteCount(_ capacity: Int) -> Int {
    (PointerRing.byteCount(capacity: capacity) + 63) & ~63
  }

  init(initializing state: UnsafeMutableRawPointer, range: BufferRange, ringCapacity: Int) {
    unsafe self.state = state
    let ring = unsafe state + PagePoolCore.ringOffset
    unsafe _ = PointerRing(initializing: ring, capacity: ringCapacity)
    let sourceOffset = PagePoolCore.ringOffset + PagePoolCore.ringByteCount(ringCapacity)
    unsafe (state + 1_288).storeBytes(of: UInt32(sourceOffset), as: UInt32.self)
    if clinux_has_address_sanitizer() != 0 { unsafe habits.pointee.store(1, ordering: .relaxed) }
    for position in 0..<range.count {
      // The last page lies on top, so that the first ones are handed out first.
      let index = range.descriptor(range.count - 1 - position).index
      unsafe source[position] = UInt64(index) << 6
    }
  }

  /// Where the offsets of pages count from.
  @inlinable var base: UnsafeMutableRawPointer { unsafe AddressMap.base(of: state) }

  /// The pages that others brought home.
  var ring: PointerRing { unsafe PointerRing(attaching: state + PagePoolCore.ringOffset) }

  /// The pages that are neither cached nor in the ring nor out.
  var source: UnsafeMutablePointer<UInt64> {
    let offset = unsafe (state + 1_288).load(as: UInt32.self)
    return unsafe (state + Int(offset)).assumingMemoryBound(to: UInt64.self)
  }

  /// The context that may allocate; 0 when the pool is closed.
  @inlinable var owner: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe state.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// What has to be done with a page beyond putting it away: 1 poison it, 2 see whether it is a half; 0 for most pools.
  ///
  /// Whoever has a half got it from the owner, who set the bit before.
  @inlinable var habits: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (state + 4).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Whether freed pages are poisoned for the address sanitizer.
  @inlinable var poisons: Bool { unsafe habits.pointee.load(ordering: .relaxed) & 1 != 0 }

  /// The pages in the owner's cache.
  @inlinable var cached: UnsafeMutablePointer<UInt32> {
    unsafe (state + 64).assumingMemoryBound(to: UInt32.self)
  }

  /// The owner's cache.
  @inlinable var cache: UnsafeMutablePointer<UInt64> {
    unsafe (state + 192).assumingMemoryBound(to: UInt64.self)
  }

  /// The second half of the page that was split last, by the offset of its descriptor; 0 for none.
  var halfInHand: UnsafeMutablePointer<UInt64> {
    unsafe (state + 120).assumingMemoryBound(to: UInt64.self)
  }

  @inlinable var sourceLock: SpinLock { unsafe SpinLock(state + 1_280) }

  @inlinable var sourceCount: UnsafeMutablePointer<UInt32> {
    unsafe (state + 1_284).assumingMemoryBound(to: UInt32.self)
  }

  /// A counter; written as ``PagePoolCounter`` says.
  @inlinable
  func counter(_ counter: PagePoolCounter) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (state + counter.rawValue).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// Adds to a counter of the owner.
  @inlinable
  @inline(__always)
  func count(_ amount: Int, _ counter: PagePoolCounter) {
    let word = unsafe self.counter(counter)
    let value = unsafe word.pointee.load(ordering: .relaxed)
    unsafe word.pointee.store(value &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
  }

  /// Adds to a counter that several threads write.
  @usableFromInline
  @inline(never)
  func countShared(_ amount: Int, _ counter: PagePoolCounter) {
    unsafe self.counter(counter).pointee.wrappingAdd(
      UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
  }
}

/// The eleven statistics and ours, by their place in the state.
///
/// Source: `struct page_pool_alloc_stats` and `struct page_pool_recycle_stats`,
/// `include/net/page_pool/types.h`.
@frozen
@usableFromInline
enum PagePoolCounter: Int, CaseIterable {
  // The owner's.
  case fast = 72
  case slow = 80
  case slowHighOrder = 88
  case empty = 96
  case refill = 104
  case waive = 112
  case cached = 128
  case cacheFull = 136
  // Anybody's.
  case ring = 1_216
  case ringFull = 1_224
  case releasedReference = 1_232
  case doubleFree = 1_240
}
