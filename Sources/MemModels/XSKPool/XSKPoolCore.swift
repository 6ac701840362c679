// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
public import Rings
public import Synchronization
internal import XDPFrame

/// A reference to the state of an ``XSKPool``, hand-laid in the trusted region.
///
///        0 owner u32, poisons u32            read by all, written when the pool changes hands
///       64 cached u32; the owner's counters
///      128 counters of returns from afar     atomic additions, once per bulk
///      192 ring of returns, then the cache: one u64 per chunk, the owner's
///
/// A chunk stands in cache and ring as the octet offset of its descriptor: no pointers in shared memory. Both have
/// a place for every chunk of the pool, so neither can be full.
///
/// Who writes what: the owner alone touches its line and the cache. Anybody returns chunks through the ring, whose
/// lock and indices make the writes of the returning thread visible to the owner. `owner` is read without order:
/// whoever is the owner wrote it itself, and for everybody else any other value leads to the ring.
@frozen
@usableFromInline
@safe
struct XSKPoolCore: @unchecked Sendable {
  // Safe: a trusted block that the pool keeps alive, and offsets that stay inside it.
  @usableFromInline let state: UnsafeMutableRawPointer
  @usableFromInline let base: UnsafeMutableRawPointer
  @usableFromInline let cache: UnsafeMutablePointer<UInt64>
  @usableFromInline let ring: PointerRing

  static let ringOffset = 192

  static func byteCount(chunkCount: Int) -> Int {
    ringOffset + ringByteCount(chunkCount) + 8 * chunkCount
  }

  private static func ringByteCount(_ chunkCount: Int) -> Int {
    (PointerRing.byteCount(capacity: chunkCount) + 63) & ~63
  }

  init(initializing state: UnsafeMutableRawPointer, range: BufferRange) {
    unsafe self.state = state
    unsafe base = AddressMap.base(of: state)
    unsafe ring = PointerRing(
      initializing: state + XSKPoolCore.ringOffset, capacity: range.count)
    let cacheOffset = XSKPoolCore.ringOffset + XSKPoolCore.ringByteCount(range.count)
    unsafe cache = (state + cacheOffset).assumingMemoryBound(to: UInt64.self)
    unsafe (state + 4).storeBytes(of: UInt32(clinux_has_address_sanitizer()), as: UInt32.self)
    for position in 0..<range.count {
      // The last chunk lies on top, so that the first ones are handed out first.
      unsafe cache[position] = range.descriptor(range.count - 1 - position).offset
    }
    unsafe cached.pointee = UInt32(range.count)
  }

  /// The owner of a pool that was closed, which no thread is.
  @inlinable static var closed: UInt32 { .max }

  /// The context that may allocate; 0 when the pool belongs to whoever holds a port's lock.
  @inlinable var owner: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe state.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Whether free chunks are poisoned for the address sanitizer.
  @inlinable var poisons: Bool { unsafe (state + 4).load(as: UInt32.self) != 0 }

  /// The chunks in the owner's cache.
  @inlinable var cached: UnsafeMutablePointer<UInt32> {
    unsafe (state + 64).assumingMemoryBound(to: UInt32.self)
  }

  @inlinable
  func counter(_ counter: XSKPoolCounter) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (state + counter.rawValue).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// Adds to a counter of the owner.
  @inlinable
  @inline(__always)
  func count(_ amount: Int, _ counter: XSKPoolCounter) {
    let word = unsafe self.counter(counter)
    let value = unsafe word.pointee.load(ordering: .relaxed)
    unsafe word.pointee.store(value &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
  }

  /// Adds to a counter that several threads write.
  @usableFromInline
  func countShared(_ amount: Int, _ counter: XSKPoolCounter) {
    unsafe self.counter(counter).pointee.add(UInt64(amount), ordering: .relaxed)
  }
}

/// The statistics of an ``XSKPool``, by their place in the state.
@frozen
@usableFromInline
enum XSKPoolCounter: Int {
  // The owner's.
  case filled = 72
  case allocated = 80
  case recycledByOwner = 88
  case collected = 96
  case reclaimed = 104
  // Anybody's.
  case returned = 128
  case doubleFree = 136
}
