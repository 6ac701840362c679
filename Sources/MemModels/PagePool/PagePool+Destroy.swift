// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Rings
internal import Synchronization
public import XDPFrame

extension PagePool {
  /// Closes the pool; never waits.
  ///
  /// The registry keeps the pool alive until its last page is home, and ``collect()`` lets it go then. The owner
  /// calls it, or whoever waited for the owner to stop.
  ///
  /// - Returns: nil when every page is home and the pool is gone; otherwise who holds the others.
  ///
  /// Source: `page_pool_destroy()`, `net/core/page_pool.c`.
  @discardableResult
  public func destroy() -> Drain? {
    unsafe core.owner.pointee.store(0, ordering: .releasing)
    core.dropHalfInHand()
    core.emptyCache()
    return collect()
  }

  /// Takes in what has come home since the pool was closed; call it now and then until it answers nil.
  ///
  /// Called again after that it does nothing.
  ///
  /// - Precondition: ``destroy()`` was called; one thread at a time.
  ///
  /// Source: `page_pool_release_retry()`, `net/core/page_pool.c`, which the kernel runs once a second.
  @discardableResult
  public func collect() -> Drain? {
    unsafe precondition(
      core.owner.pointee.load(ordering: .relaxed) == 0, "Only a closed pool may be collected.")
    guard !hasGone.load(ordering: .relaxed) else { return nil }
    core.emptyRing()
    guard outstanding == 0 else {
      return Drain(memory, outstanding: outstanding, holders: holders())
    }
    core.settle()
    hasGone.store(true, ordering: .relaxed)
    registry.disconnect(memory.id)
    return nil
  }

  /// The pages that are neither cached, nor in the ring, nor in the source; exact when quiet.
  ///
  /// Source: `page_pool_inflight()`, `net/core/page_pool.c`.
  public var outstanding: Int {
    let home = unsafe Int(core.cached.pointee) + core.ring.count + core.countSource()
    return max(range.count - home, 0)
  }

  /// Counts the pages by owner.
  ///
  /// A page that was split is held by whoever holds its halves; ``Owner/shared`` if they are in two kinds of hands.
  public func census() -> Census {
    var census = Census(capacity: range.count)
    for position in 0..<range.count {
      let holders = holders(of: range.descriptor(position)).filter { $0 != .free }
      let isShared = holders.count == 2 && holders[0] != holders[1]
      census.counts[isShared ? .shared : holders.first ?? .free, default: 0] += 1
    }
    census.doubleFree = Int(statistic(.doubleFree))
    census.abandoned = registry.abandonedCount(of: memory.id)
    return census
  }

  /// Who holds how many pages, and halves of pages.
  private func holders() -> [Owner: Int] {
    var counts: [Owner: Int] = [:]
    for position in 0..<range.count {
      for owner in holders(of: range.descriptor(position)) { counts[owner, default: 0] += 1 }
    }
    return counts
  }

  /// Who holds a page; two if it was split.
  private func holders(of page: Descriptor) -> [Owner] {
    guard unsafe page.users.pointee.load(ordering: .relaxed) > 0 else { return [page.holder] }
    return [page.holder, core.half(behind: page).holder]
  }

  /// The eleven statistics under the names `ethtool -S` shows.
  ///
  /// Every allocation is one of `alloc_fast`, `alloc_refill` and `alloc_slow`. Pages have no NUMA node and no other
  /// order than 0, and nobody else can hold one: `alloc_slow_ho`, `alloc_waive` and `recycle_released_ref` stay 0.
  ///
  /// Source: `page_pool_ethtool_stats_get()`, `net/core/page_pool.c`.
  public var statistics: [(name: String, value: UInt64)] {
    [
      ("rx_pp_alloc_fast", statistic(.fast)),
      ("rx_pp_alloc_slow", statistic(.slow)),
      ("rx_pp_alloc_slow_ho", statistic(.slowHighOrder)),
      ("rx_pp_alloc_empty", statistic(.empty)),
      ("rx_pp_alloc_refill", statistic(.refill)),
      ("rx_pp_alloc_waive", statistic(.waive)),
      ("rx_pp_recycle_cached", statistic(.cached)),
      ("rx_pp_recycle_cache_full", statistic(.cacheFull)),
      ("rx_pp_recycle_ring", statistic(.ring)),
      ("rx_pp_recycle_ring_full", statistic(.ringFull)),
      ("rx_pp_recycle_released_ref", statistic(.releasedReference)),
    ]
  }

  private func statistic(_ counter: PagePoolCounter) -> UInt64 {
    unsafe core.counter(counter).pointee.load(ordering: .relaxed)
  }
}

extension PagePoolCore {
  /// Counts the pages in the source.
  func countSource() -> Int {
    sourceLock.acquire(as: clinux_context())
    defer { sourceLock.release() }
    return unsafe Int(sourceCount.pointee)
  }

  /// Moves the cache's pages to the source.
  func emptyCache() {
    let count = unsafe Int(cached.pointee)
    unsafe giveToSource(cache, count: count)
    unsafe cached.pointee = 0
  }

  /// Waits until no thread that has returned a page is inside the pool any more: nanoseconds.
  ///
  /// Called once all pages are home, so nobody comes in.
  func settle() {
    for lock in [ring.lock, sourceLock] {
      lock.acquire(as: clinux_context())
      lock.release()
    }
  }

  /// Moves the ring's pages to the source, by way of the empty cache.
  func emptyRing() {
    while true {
      let count = unsafe ring.consume(into: cache, count: PagePool.cacheCapacity)
      guard count > 0 else { return }
      unsafe giveToSource(cache, count: count)
    }
  }
}
