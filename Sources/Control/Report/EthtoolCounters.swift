// SPDX-License-Identifier: Apache-2.0

/// A port's counters under the names that `ethtool -S` shows for a driver with native XDP.
///
/// The first seven are those of mvneta, which other drivers and the tools around them took over; the rest
/// are the page pool's.
///
/// Source: `mvneta_statistics[]`, `drivers/net/ethernet/marvell/mvneta.c`; `pp_stats[]`,
/// `net/core/page_pool.c`.
public struct EthtoolCounters: Sendable, Equatable {
  /// The names, in the order they are shown.
  public enum Name: String, Sendable, CaseIterable {
    /// Frames redirected by the receive program.
    case receiveRedirect = "rx_xdp_redirect"
    /// Frames passed by the receive program.
    case receivePass = "rx_xdp_pass"
    /// Frames dropped by the receive program.
    case receiveDrop = "rx_xdp_drop"
    /// Frames that the receive program sent back.
    case receiveTransmit = "rx_xdp_tx"
    /// Frames that the receive program wanted sent back, and that were not.
    case receiveTransmitErrors = "rx_xdp_tx_errors"
    /// Frames redirected to this port and sent.
    case transmit = "tx_xdp_xmit"
    /// Frames redirected to this port and not sent.
    case transmitErrors = "tx_xdp_xmit_errors"
    /// Buffers allocated from the cache.
    case allocateFast = "rx_pp_alloc_fast"
    /// Buffers that had to be got from behind the pool.
    case allocateSlow = "rx_pp_alloc_slow"
    /// The same for buffers of several pages.
    case allocateSlowHighOrder = "rx_pp_alloc_slow_ho"
    /// Times the ring had nothing to refill the cache with.
    case allocateEmpty = "rx_pp_alloc_empty"
    /// Times the cache was refilled from the ring.
    case allocateRefill = "rx_pp_alloc_refill"
    /// Buffers from the ring that could not go into the cache.
    case allocateWaive = "rx_pp_alloc_waive"
    /// Buffers recycled into the cache.
    case recycleCached = "rx_pp_recycle_cached"
    /// Buffers that the cache had no room for.
    case recycleCacheFull = "rx_pp_recycle_cache_full"
    /// Buffers recycled into the ring.
    case recycleRing = "rx_pp_recycle_ring"
    /// Buffers that the ring had no room for.
    case recycleRingFull = "rx_pp_recycle_ring_full"
    /// Buffers released because somebody else still referred to them.
    case recycleReleasedReference = "rx_pp_recycle_released_ref"
  }

  private var counts: [Name: UInt64] = [:]

  /// Creates counters that are all zero.
  public init() {}

  /// The value of a counter.
  public subscript(name: Name) -> UInt64 {
    get { counts[name] ?? 0 }
    set { counts[name] = newValue == 0 ? nil : newValue }
  }

  /// The counters as `ethtool -S` prints them.
  public var text: String {
    Name.allCases.reduce(into: "NIC statistics:\n") { text, name in
      text += "     \(name.rawValue): \(self[name])\n"
    }
  }
}
