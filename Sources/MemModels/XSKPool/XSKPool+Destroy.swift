// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Rings
internal import Synchronization
public import XDPFrame

extension XSKPool {
  /// Closes the pool; never waits.
  ///
  /// The registry keeps the pool alive until its last chunk is home, and ``collect()`` lets it go then. The owner
  /// calls it, or whoever waited for the owner to stop, once no socket uses the pool any more.
  ///
  /// - Returns: nil when every chunk is home and the pool is gone; otherwise who holds the others.
  ///
  /// Source: `xp_destroy()`, `net/xdp/xsk_buff_pool.c`.
  @discardableResult
  public func destroy() -> Drain? {
    unsafe core.owner.pointee.store(XSKPoolCore.closed, ordering: .releasing)
    return collect()
  }

  /// Takes in what has come home since the pool was closed; call it now and then until it answers nil.
  ///
  /// Called again after that it does nothing.
  ///
  /// - Precondition: ``destroy()`` was called; one thread at a time.
  /// - Returns: nil when every chunk is home and the pool is gone; otherwise who holds the others.
  @discardableResult
  public func collect() -> Drain? {
    unsafe precondition(
      core.owner.pointee.load(ordering: .relaxed) == XSKPoolCore.closed,
      "Only a closed pool may be collected.")
    guard !hasGone.load(ordering: .relaxed) else { return nil }
    let home = core.collectReturns()
    guard home == chunkCount else {
      return Drain(memory, outstanding: chunkCount - home, holders: census().counts)
    }
    core.settle()
    hasGone.store(true, ordering: .relaxed)
    unpoisonAll()
    releaseChunks()
    umem.registry.disconnect(memory.id)
    return nil
  }

  /// The chunks that are neither cached nor in the ring of returns; exact when quiet.
  public var outstanding: Int {
    let home = unsafe Int(core.cached.pointee) + core.ring.count
    return max(range.count - home, 0)
  }

  /// Counts the chunks by owner.
  public func census() -> Census {
    var census = range.census()
    census.doubleFree = Int(statistic(.doubleFree))
    census.abandoned = umem.registry.abandonedCount(of: memory.id)
    return census
  }

  /// What the pool has done so far.
  public var statistics: XSKPoolStatistics {
    XSKPoolStatistics(
      filled: statistic(.filled), allocated: statistic(.allocated),
      recycledByOwner: statistic(.recycledByOwner), returned: statistic(.returned),
      collected: statistic(.collected), reclaimed: statistic(.reclaimed),
      doubleFree: statistic(.doubleFree))
  }

  private func statistic(_ counter: XSKPoolCounter) -> UInt64 {
    unsafe core.counter(counter).pointee.load(ordering: .relaxed)
  }

  func poisonAll() {
    guard core.poisons else { return }
    for position in 0..<range.count { core.poison(range.descriptor(position)) }
  }

  private func unpoisonAll() {
    guard core.poisons else { return }
    for position in 0..<range.count { core.unpoison(range.descriptor(position)) }
  }
}

/// What an ``XSKPool`` has done, in chunks.
public struct XSKPoolStatistics: Equatable, Sendable {
  /// Given to the kernel to be filled.
  public var filled: UInt64
  /// Handed out for something else than receiving.
  public var allocated: UInt64
  /// Recycled by the owner, without a lock.
  public var recycledByOwner: UInt64
  /// Returned through the ring, by other threads or by the kernel that had sent them.
  public var returned: UInt64
  /// Taken out of that ring by the owner.
  public var collected: UInt64
  /// Taken back from a kernel whose socket was closed.
  public var reclaimed: UInt64
  /// Came home twice, which is counted and otherwise ignored.
  public var doubleFree: UInt64
}
