// SPDX-License-Identifier: Apache-2.0

public import CLinux
public import Synchronization
public import XDPFrame

extension SharedPageCore {
  /// Takes halves back: the owner's own onto its stack, everybody else's off their pages.
  ///
  /// Source: the branch for `MEM_TYPE_PAGE_SHARED` of `__xdp_return()`, `net/core/xdp.c`.
  @inlinable
  @inline(__always)
  func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    guard unsafe pages.owner.pointee.load(ordering: .relaxed) == clinux_context() else {
      return unsafe recycleFromAfar(descriptors, count: count)
    }
    let used = unsafe Int(truncatingIfNeeded: self.count.pointee)
    let piece = min(count, SharedPageCore.capacity &- used)
    let kept = unsafe pages.release(descriptors, into: stack + used, count: piece)
    unsafe self.count.pointee = UInt32(truncatingIfNeeded: used &+ kept)
    pages.count(kept, .cached)
    if piece < count { unsafe overflow(descriptors + piece, count: count &- piece) }
  }

  /// Takes back halves that are not for the stack: those whose page has no other user left free it.
  ///
  /// Overwrites the caller's array.
  @usableFromInline
  @inline(never)
  func recycleFromAfar(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    // Safe: a descriptor and an offset are 8 octets each, and each is read before its place is overwritten.
    let offsets = unsafe UnsafeMutableRawPointer(descriptors).assumingMemoryBound(to: UInt64.self)
    let kept = unsafe pages.release(descriptors, into: offsets, count: count)
    unsafe pages.putInRing(offsets, count: leave(offsets, count: kept))
  }

  /// Takes one user off each half's page; what remains in the array are the pages that have none left.
  ///
  /// - Returns: How many.
  func leave(_ offsets: UnsafeMutablePointer<UInt64>, count: Int) -> Int {
    var kept = 0
    for position in 0..<count {
      let offset = unsafe offsets[position]
      let users = unsafe users(ofHalf: offset)
      let before = unsafe users.pointee.subtract(1, ordering: .acquiringAndReleasing)  // (A)
      guard before.newValue == 0 else { continue }
      unsafe offsets[kept] = offset & ~64
      kept += 1
    }
    return kept
  }

  /// The owner's stack is full: what it has no room for leaves its page as if it came from afar.
  @usableFromInline
  @inline(never)
  func overflow(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    pages.count(count, .cacheFull)
    unsafe recycleFromAfar(descriptors, count: count)
  }

  /// Poisons every half, when the pool is made.
  func poisonAll(_ range: BufferRange) {
    guard pages.poisons else { return }
    for position in 0..<range.count {
      let half = range.descriptor(position)
      unsafe clinux_poison(half.hardStart, Int(half.frameByteCount))
    }
  }
}
