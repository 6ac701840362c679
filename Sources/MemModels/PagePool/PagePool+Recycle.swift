// SPDX-License-Identifier: Apache-2.0

public import CLinux
internal import Rings
public import Synchronization
public import XDPFrame

extension PagePoolCore {
  /// Takes pages back: the owner's own into the cache, everybody else's through the ring.
  ///
  /// Source: `page_pool_put_unrefed_netmem()` and `page_pool_put_netmem_bulk()`, `net/core/page_pool.c`.
  @inlinable
  @inline(__always)
  func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    guard unsafe owner.pointee.load(ordering: .relaxed) == clinux_context() else {
      return unsafe recycleFromAfar(descriptors, count: count)
    }
    let used = unsafe Int(truncatingIfNeeded: cached.pointee)
    let piece = min(count, PagePoolCore.cacheCapacity &- used)
    let kept = unsafe release(descriptors, into: cache + used, count: piece)
    unsafe cached.pointee = UInt32(truncatingIfNeeded: used &+ kept)
    self.count(kept, .cached)
    if piece < count { unsafe overflow(descriptors + piece, count: count &- piece) }
  }

  @inlinable static var cacheCapacity: Int { 128 }

  /// Ends the pages' current life; answers how many there are once those that were free already are left out.
  @inlinable
  @inline(__always)
  func release(
    _ descriptors: UnsafeMutablePointer<Descriptor>, into offsets: UnsafeMutablePointer<UInt64>,
    count: Int
  ) -> Int {
    var kept = 0
    var position = 0
    while position < count {
      let descriptor = unsafe descriptors[position]
      position &+= 1
      guard descriptor.becomeFree() else {
        countShared(1, .doubleFree)
        continue
      }
      unsafe offsets[kept] = descriptor.offset
      kept &+= 1
    }
    guard unsafe habits.pointee.load(ordering: .relaxed) == 0 else {
      return unsafe putAway(offsets, count: kept)
    }
    return kept
  }

  /// Does what a pool with habits does with pages that have become free; answers how many pages remain.
  @usableFromInline
  @inline(never)
  func putAway(_ offsets: UnsafeMutablePointer<UInt64>, count: Int) -> Int {
    if poisons { unsafe poison(offsets, count: count) }
    return unsafe splits ? leavePages(offsets, count: count) : count
  }

  /// The owner's cache is full.
  @usableFromInline
  @inline(never)
  func overflow(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    self.count(count, .cacheFull)
    unsafe recycleFromAfar(descriptors, count: count)
  }

  /// Takes back pages that are not for the cache.
  ///
  /// Overwrites the caller's array, as the kernel does.
  @usableFromInline
  @inline(never)
  func recycleFromAfar(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    // Safe: a descriptor and an offset are 8 octets each, and each is read before its place is overwritten.
    let offsets = unsafe UnsafeMutableRawPointer(descriptors).assumingMemoryBound(to: UInt64.self)
    unsafe putInRing(offsets, count: release(descriptors, into: offsets, count: count))
  }

  /// Puts free pages into the ring; those it has no room for go to the source.
  func putInRing(_ offsets: UnsafeMutablePointer<UInt64>, count: Int) {
    guard count > 0 else { return }
    // Counted first: behind the last page that is published the pool may be gone.
    countShared(count, .ring)
    let taken = unsafe ring.produce(offsets, count: count)
    guard taken < count else { return }
    countShared(taken - count, .ring)
    countShared(1, .ringFull)
    unsafe giveToSource(offsets + taken, count: count - taken)
  }

  func giveToSource(_ offsets: UnsafePointer<UInt64>, count: Int) {
    sourceLock.acquire(as: clinux_context())
    let used = unsafe Int(sourceCount.pointee)
    unsafe (source + used).update(from: offsets, count: count)
    unsafe sourceCount.pointee = UInt32(used + count)
    sourceLock.release()
  }

  /// Puts every page into the source, when the pool is made.
  func fillSource(_ count: Int) {
    unsafe sourceCount.pointee = UInt32(count)
    if poisons { unsafe poison(source, count: count) }
  }

  @usableFromInline
  @inline(never)
  func poison(_ offsets: UnsafePointer<UInt64>, count: Int) {
    for position in 0..<count {
      let descriptor = unsafe Descriptor(base: base, offset: Int(offsets[position]))
      unsafe clinux_poison(descriptor.hardStart, Int(descriptor.frameByteCount))
    }
  }
}
