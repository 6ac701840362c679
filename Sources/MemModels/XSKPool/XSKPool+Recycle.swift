// SPDX-License-Identifier: Apache-2.0

public import CLinux
internal import Rings
public import Synchronization
public import XDPFrame

extension XSKPool {
  /// Takes up to `count` chunks for something other than receiving; the owner only.
  @inlinable
  public func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    unsafe core.allocate(into: storage, count: count)
  }

  /// Takes chunks back from any thread.
  @inlinable
  public func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    unsafe core.recycle(descriptors, count: count)
  }
}

extension XSKPoolCore {
  @inlinable
  @inline(__always)
  func allocate(into storage: UnsafeMutablePointer<Storage>, count wanted: Int) -> Int {
    let available = makeAvailable(wanted)
    let taken = min(wanted, available)
    var position = 0
    while position < taken {
      let offset = unsafe Int(truncatingIfNeeded: cache[available &- 1 &- position])
      let descriptor = unsafe Descriptor(base: base, offset: offset)
      descriptor.owner = .receive
      if poisons { unpoison(descriptor) }
      unsafe (storage + position).initialize(to: Storage(owning: descriptor))
      position &+= 1
    }
    unsafe cached.pointee = UInt32(truncatingIfNeeded: available &- taken)
    count(taken, .allocated)
    return taken
  }

  /// Answers what the cache holds, once it has taken in what came home if that is less than wanted.
  @inlinable
  @inline(__always)
  func makeAvailable(_ wanted: Int) -> Int {
    let available = unsafe Int(truncatingIfNeeded: cached.pointee)
    return available < wanted ? collectReturns() : available
  }

  /// Moves what came home from other threads into the cache; answers what the cache then holds.
  @usableFromInline
  @inline(never)
  func collectReturns() -> Int {
    var available = unsafe Int(cached.pointee)
    let taken = unsafe ring.consume(into: cache + available, count: ring.capacity &- available)
    guard taken > 0 else { return available }
    // Other CPUs wrote these lines last.
    for position in 0..<min(taken, Limits.budget) {
      unsafe clinux_prefetch_write(base + Int(truncatingIfNeeded: cache[available + position]))
    }
    available += taken
    unsafe cached.pointee = UInt32(available)
    count(taken, .collected)
    return available
  }

  /// Takes chunks back: the owner's own into the cache, everybody else's through the ring.
  ///
  /// Overwrites the caller's array.
  ///
  /// Source: `xsk_buff_free()`, `include/net/xdp_sock_drv.h`.
  @inlinable
  @inline(__always)
  func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    // Safe: a descriptor and an offset are 8 octets each, and each is read before its place is overwritten.
    let offsets = unsafe UnsafeMutableRawPointer(descriptors).assumingMemoryBound(to: UInt64.self)
    let kept = unsafe release(descriptors, into: offsets, count: count)
    guard unsafe owner.pointee.load(ordering: .relaxed) == clinux_context() else {
      return unsafe recycleFromAfar(offsets, count: kept)
    }
    let used = unsafe Int(truncatingIfNeeded: cached.pointee)
    unsafe (cache + used).update(from: offsets, count: kept)
    unsafe cached.pointee = UInt32(truncatingIfNeeded: used &+ kept)
    self.count(kept, .recycledByOwner)
  }

  /// Ends the chunks' current life; answers how many there are once those that were free already are left out.
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
      if poisons { poison(descriptor) }
      unsafe offsets[kept] = descriptor.offset
      kept &+= 1
    }
    return kept
  }

  @usableFromInline
  @inline(never)
  func recycleFromAfar(_ offsets: UnsafeMutablePointer<UInt64>, count: Int) {
    guard count > 0 else { return }
    // Counted first: behind the last chunk that is published the pool may be gone.
    countShared(count, .returned)
    let taken = unsafe ring.produce(offsets, count: count)
    precondition(taken == count, "The ring of returns has a place for every chunk.")
  }

  /// Waits until no thread that has returned a chunk is inside the pool any more: nanoseconds.
  ///
  /// Called once all chunks are home, so nobody comes in. The ring's lock is what a returning thread touches last.
  func settle() {
    ring.lock.acquire(as: clinux_context())
    ring.lock.release()
  }

  /// Puts a chunk that was just freed into the cache.
  func putBack(_ descriptor: Descriptor) {
    let used = unsafe Int(cached.pointee)
    unsafe cache[used] = descriptor.offset
    unsafe cached.pointee = UInt32(used + 1)
    if poisons { poison(descriptor) }
  }

  @usableFromInline
  @inline(never)
  func unpoison(_ descriptor: Descriptor) {
    unsafe clinux_unpoison(descriptor.hardStart, Int(descriptor.frameByteCount))
  }

  @usableFromInline
  @inline(never)
  func poison(_ descriptor: Descriptor) {
    unsafe clinux_poison(descriptor.hardStart, Int(descriptor.frameByteCount))
  }
}
