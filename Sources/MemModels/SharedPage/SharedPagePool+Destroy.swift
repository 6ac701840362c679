// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Rings
internal import Synchronization
public import XDPFrame

extension SharedPagePool {
  /// Closes the pool; never waits.
  ///
  /// The registry keeps the pool alive until its last half is home, and ``collect()`` lets it go then. The owner
  /// calls it, or whoever waited for the owner to stop.
  ///
  /// - Returns: nil when every half is home and the pool is gone; otherwise who holds the others.
  @discardableResult
  public func destroy() -> Drain? {
    unsafe core.pages.owner.pointee.store(0, ordering: .releasing)
    core.emptyStack()
    core.pages.emptyCache()
    return collect()
  }

  /// Takes in what has come home since the pool was closed; call it now and then until it answers nil.
  ///
  /// Called again after that it does nothing.
  ///
  /// - Precondition: ``destroy()`` was called; one thread at a time.
  @discardableResult
  public func collect() -> Drain? {
    unsafe precondition(
      core.pages.owner.pointee.load(ordering: .relaxed) == 0,
      "Only a closed pool may be collected.")
    guard !hasGone.load(ordering: .relaxed) else { return nil }
    core.pages.emptyRing()
    guard core.pages.countSource() == range.count / 2 else {
      return Drain(memory, outstanding: outstanding, holders: census().counts)
    }
    core.pages.settle()
    hasGone.store(true, ordering: .relaxed)
    registry.disconnect(memory.id)
    return nil
  }

  /// The halves that are out; exact when quiet.
  public var outstanding: Int {
    (0..<range.count).count { range.descriptor($0).owner != .free }
  }

  /// Counts the halves by owner.
  ///
  /// A half that is home, but not in the owner's hand and therefore waiting for the other half of its page, is
  /// counted as ``Owner/shared``.
  public func census() -> Census {
    var census = range.census()
    let waiting = waitingCount
    if waiting > 0 {
      census.counts[.free, default: 0] -= waiting
      census.counts[.shared, default: 0] += waiting
    }
    census.doubleFree = unsafe Int(
      core.pages.counter(.doubleFree).pointee.load(ordering: .relaxed))
    census.abandoned = registry.abandonedCount(of: memory.id)
    return census
  }

  /// The pages of which one half is home and the other, out, is the only user.
  private var waitingCount: Int {
    stride(from: 0, to: range.count, by: 2).count { position in
      let even = range.descriptor(position)
      let isEvenHome = even.owner == .free
      let isOddHome = range.descriptor(position + 1).owner == .free
      guard isEvenHome != isOddHome else { return false }
      return unsafe even.users.pointee.load(ordering: .relaxed) == 1
    }
  }

  /// What the owner did, by the names that drivers of split pages show.
  ///
  /// Source: `ixgbe_gstrings_stats`, `drivers/net/ethernet/intel/ixgbe/ixgbe_ethtool.c`.
  public var statistics: [(name: String, value: UInt64)] {
    unsafe [
      ("alloc_rx_page", core.statistics[0].load(ordering: .relaxed)),
      ("rx_page_flipped", core.statistics[1].load(ordering: .relaxed)),
    ]
  }
}

extension SharedPageCore {
  /// Takes the stack's users off their pages; those that have none left move to the source.
  func emptyStack() {
    let used = unsafe Int(count.pointee)
    let home = unsafe leave(stack, count: used)
    unsafe pages.giveToSource(stack, count: home)
    unsafe count.pointee = 0
  }
}
