// SPDX-License-Identifier: Apache-2.0

/// Where redirected frames go: a table from keys to ports, CPUs or sockets.
///
/// Called once per burst and map, by any loop; the map serialises what needs it.
public protocol RedirectMap: AnyObject, Sendable {
  /// What its entries are, which says when it is served and which flags it knows.
  var kind: RedirectKind { get }

  /// Takes the frames it has an entry for, in order, and flushes what it queued.
  ///
  /// Frames without an entry stay in the burst, in order. A frame that has an entry but cannot go there is moved to
  /// ``RedirectBurst/refused``, with its reason, and is counted: in `tally` as a drop if it never got as far as the
  /// target's own ledger. Frames that went count as redirected there.
  ///
  /// The caller is inside a section that keeps entries alive, such as the datapath's `Quiescence`.
  ///
  /// - Parameters:
  ///   - frames: All name this map.
  ///   - tally: The ledger of whoever redirects.
  ///
  /// Source: `xdp_do_redirect()` and `xdp_do_flush()`, `net/core/filter.c`.
  func redirect(_ frames: inout RedirectBurst, tally: Tally)
}

/// What the entries of a redirect map are; maps of one burst are served in this order.
///
/// Source: `xdp_do_flush()`, `net/core/filter.c`.
@frozen
public enum RedirectKind: UInt8, Sendable {
  /// Ports, by number.
  case port = 0
  /// Ports, by keys that somebody gave them.
  case device = 1
  /// Queues to other CPUs.
  case cpu = 2
  /// Whatever else takes frames.
  case other = 3

  /// The flags that a redirect to such a map may have; any other aborts the packet.
  ///
  /// Source: `dev_map_redirect()`, `kernel/bpf/devmap.c`; `cpu_map_redirect()`, `kernel/bpf/cpumap.c`;
  /// `bpf_xdp_redirect()`, `net/core/filter.c`.
  @inlinable public var knownFlags: RedirectFlags {
    switch self {
    case .port: []
    case .device: [.verdict, .broadcast, .excludeIngress]
    case .cpu, .other: .verdict
    }
  }
}
