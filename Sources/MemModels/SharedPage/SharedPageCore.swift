// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import Synchronization
public import XDPFrame

/// A reference to the state of split pages: halves in front of a pool's pages.
///
///        0 count u32                                  the owner's
///        8 pages split u64, halves flipped u64        the owner's
///       64 stack: 256 × u64                           the owner's
///
/// A half stands on the stack as the octet offset of its descriptor; the other half of its page lies 64 octets
/// beside it, so one bit tells them apart. The pages behind are a ``PagePoolCore`` whose cache, ring and source hold
/// whole pages by their even descriptor.
///
/// Each page counts its users in the even descriptor: a half that is out is one, a half on the owner's stack is one.
/// The stack's users need no atomic operation, because the owner takes them out and puts them back itself. Anybody
/// else who brings a half home takes one user off.
///
///     (A) bringing home: descriptor written, then one user off, releasing (and acquiring, for the last)
///     (B) the owner: users loaded, acquiring; 1 means that the half in its hand is the only user
///
/// Without the pair, the owner could hand out the other half while its last holder still writes its descriptor. Who
/// takes off the last user has seen, by (A), what the others wrote, and alone may put the page into the ring.
@frozen
@usableFromInline
@safe
struct SharedPageCore: @unchecked Sendable {
  // Safe: both lie in a trusted block that the pool keeps alive, and offsets stay inside the descriptor table.
  @usableFromInline let pages: PagePoolCore
  @usableFromInline let state: UnsafeMutableRawPointer

  /// The halves of as many pages as a page pool's cache holds.
  @inlinable static var capacity: Int { 2 &* PagePoolCore.cacheCapacity }
  static var byteCount: Int { 64 + 8 * capacity }

  init(initializing state: UnsafeMutableRawPointer, pages: PagePoolCore) {
    unsafe self.state = state
    self.pages = pages
  }

  /// The halves on the stack.
  @inlinable var count: UnsafeMutablePointer<UInt32> {
    unsafe state.assumingMemoryBound(to: UInt32.self)
  }

  /// The owner's halves.
  @inlinable var stack: UnsafeMutablePointer<UInt64> {
    unsafe (state + 64).assumingMemoryBound(to: UInt64.self)
  }

  /// How many pages were split, and how many halves were taken back while the other was still out.
  @inlinable var statistics: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (state + 8).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// The users of the page that the half at `offset` belongs to.
  @inlinable
  @inline(__always)
  func users(ofHalf offset: UInt64) -> UnsafeMutablePointer<Atomic<UInt32>> {
    // Safe: the stack and the descriptors of this pool name lines of its segment.
    unsafe Descriptor(base: pages.base, offset: Int(truncatingIfNeeded: offset & ~64)).users
  }

  /// Counts; the owner only.
  @inlinable
  func note(_ amount: Int, at position: Int) {
    let word = unsafe statistics + position
    let value = unsafe word.pointee.load(ordering: .relaxed)
    unsafe word.pointee.store(value &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
  }
}
