// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// The books of one port at one moment: all of its loops together; exact when quiet.
///
/// `received = pass + Σ drops + transmit + redirect + aborted + inFlight`.
public struct PortReport: Equatable, Sendable {
  /// The port's name.
  public let name: String
  /// The port's number in its datapath.
  public let number: UInt32
  /// Packets received.
  public private(set) var received: UInt64 = 0
  /// Octets received.
  public private(set) var receivedBytes: UInt64 = 0
  /// Packets passed.
  public private(set) var pass: UInt64 = 0
  /// Packets sent back out.
  public private(set) var transmit: UInt64 = 0
  /// Packets that were to be sent back out and that the port refused; counted as drops too.
  public private(set) var transmitErrors: UInt64 = 0
  /// Packets redirected.
  public private(set) var redirect: UInt64 = 0
  /// Packets whose program failed.
  public private(set) var aborted: UInt64 = 0
  /// Packets dropped, by reason.
  public private(set) var drops: [DropReason: UInt64] = [:]
  /// Frames of redirects from elsewhere that the port sent.
  public let redirectedIn: UInt64
  /// Frames of redirects from elsewhere that the port refused.
  public let redirectedInErrors: UInt64

  init(_ reference: PortReference, _ tallies: [Tally]) {
    name = reference.port.name
    number = reference.port.number
    redirectedIn = reference.redirectedIn.load(ordering: .relaxed)
    redirectedInErrors = reference.redirectedInErrors.load(ordering: .relaxed)
    for tally in tallies { add(tally) }
  }

  /// Adds the books of one loop, those counters first that come later in a packet's life.
  private mutating func add(_ tally: Tally) {
    pass += tally[.pass]
    transmit += tally[.transmit]
    transmitErrors += tally[.transmitErrors]
    redirect += tally[.redirect]
    aborted += tally[.aborted]
    drops.merge(tally.drops, uniquingKeysWith: +)
    receivedBytes += tally[.receivedBytes]
    received += tally[.received]
  }

  /// Packets dropped for all reasons together.
  public var dropped: UInt64 { drops.values.reduce(0, +) }

  /// Packets received whose end is not counted yet.
  public var inFlight: UInt64 {
    let ended = pass + dropped + transmit + redirect + aborted
    return received - min(ended, received)
  }

  /// The counters under the names that `ethtool -S` shows for a driver with native XDP.
  ///
  /// Aborted packets are dropped ones here, as they are there. What the port refused to send back is in
  /// `rx_xdp_tx_errors` alone, so the first five add up to the packets received.
  ///
  /// Source: `mvneta_statistics[]` and `mvneta_run_xdp()`, `drivers/net/ethernet/marvell/mvneta.c`.
  public var ethtool: [(name: String, value: UInt64)] {
    [
      ("rx_xdp_redirect", redirect),
      ("rx_xdp_pass", pass),
      ("rx_xdp_drop", dropped + aborted - min(transmitErrors, dropped)),
      ("rx_xdp_tx", transmit),
      ("rx_xdp_tx_errors", transmitErrors),
      ("tx_xdp_xmit", redirectedIn),
      ("tx_xdp_xmit_errors", redirectedInErrors),
    ]
  }
}
