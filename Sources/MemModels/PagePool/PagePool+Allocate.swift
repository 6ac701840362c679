// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Rings
internal import Synchronization
public import XDPFrame

extension PagePoolCore {
  /// Takes up to `count` pages; the owner only.
  @inlinable
  @inline(__always)
  func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    let left = unsafe Int(truncatingIfNeeded: cached.pointee) &- count
    guard left >= 0 else { return unsafe allocatePiecemeal(into: storage, count: count) }
    unsafe take(cache + left, into: storage, count: count)
    unsafe cached.pointee = UInt32(truncatingIfNeeded: left)
    self.count(count, .fast)
    return count
  }

  /// Empties the cache, refills it, and so on until there are enough pages or none are left.
  @usableFromInline
  @inline(never)
  func allocatePiecemeal(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    var taken = 0
    var refills = 0
    while taken < count {
      var available = unsafe Int(truncatingIfNeeded: cached.pointee)
      if available == 0 {
        available = refill()
        if available == 0 { break }
        refills &+= 1
      }
      let piece = min(available, count &- taken)
      let left = available &- piece
      unsafe take(cache + left, into: storage + taken, count: piece)
      unsafe cached.pointee = UInt32(truncatingIfNeeded: left)
      taken &+= piece
    }
    // The page that caused a refill is counted as that.
    self.count(taken &- refills, .fast)
    return taken
  }

  @inlinable
  @inline(__always)
  func take(
    _ offsets: UnsafePointer<UInt64>, into storage: UnsafeMutablePointer<Storage>, count: Int
  ) {
    let base = unsafe base
    if poisons { unsafe unpoison(offsets, count: count) }
    var position = 0
    while position < count {
      let offset = unsafe Int(truncatingIfNeeded: offsets[position])
      let descriptor = unsafe Descriptor(base: base, offset: offset)
      descriptor.owner = .receive
      unsafe (storage + position).initialize(to: Storage(owning: descriptor))
      position &+= 1
    }
  }

  /// Fills the empty cache: from the ring, or else from the source.
  ///
  /// Source: `page_pool_refill_alloc_cache()` and `__page_pool_alloc_netmems_slow()`,
  /// `net/core/page_pool.c`.
  func refill() -> Int {
    var count = unsafe ring.consume(into: cache, count: PagePool.refillCount)
    if count > 0 {
      self.count(1, .refill)
      prefetchDescriptors(count)
    } else {
      self.count(1, .empty)
      count = takeFromSource()
      if count > 0 { self.count(1, .slow) }
    }
    unsafe cached.pointee = UInt32(truncatingIfNeeded: count)
    return count
  }

  /// Begins to fetch lines that another CPU wrote last.
  private func prefetchDescriptors(_ count: Int) {
    for position in 0..<count {
      unsafe clinux_prefetch_write(base + Int(truncatingIfNeeded: cache[position]))
    }
  }

  private func takeFromSource() -> Int {
    sourceLock.acquire(as: clinux_context())
    let available = unsafe Int(sourceCount.pointee)
    let count = min(available, PagePool.refillCount)
    for position in 0..<count {
      unsafe cache[count - 1 - position] = source[available - 1 - position]
    }
    unsafe sourceCount.pointee = UInt32(available - count)
    sourceLock.release()
    return count
  }

  @usableFromInline
  @inline(never)
  func unpoison(_ offsets: UnsafePointer<UInt64>, count: Int) {
    for position in 0..<count {
      let descriptor = unsafe Descriptor(base: base, offset: Int(offsets[position]))
      unsafe clinux_unpoison(descriptor.hardStart, Int(descriptor.frameByteCount))
    }
  }
}
