// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// What the kernel counts for a port's sockets, those that it had before included.
///
/// Source: `struct xdp_statistics`, `include/uapi/linux/if_xdp.h`.
public struct AFXDPCounters: Equatable, Sendable {
  /// Packets dropped for want of a chunk to fill, or because they do not fit into one.
  public var receiveDropped: UInt64 = 0
  /// Packets dropped because the receive ring was full.
  public var receiveRingFull: UInt64 = 0
  /// Packets that were in the receive ring when a socket had to be closed.
  public var unseen: UInt64 = 0
  /// Fill addresses that made no sense to the kernel.
  public var receiveInvalid: UInt64 = 0
  /// Transmit descriptors that made no sense to the kernel.
  public var transmitInvalid: UInt64 = 0
  /// How often the kernel found the fill ring empty.
  public var fillRingEmpty: UInt64 = 0
  /// How often the kernel found the transmit ring empty.
  public var transmitRingEmpty: UInt64 = 0

  /// Sockets that were replaced, because their interface had gone or a ring showed what cannot be.
  public var socketsReplaced: UInt64 = 0

  /// Nothing counted yet.
  public init() {}

  init(_ statistics: xdp_statistics) {
    receiveDropped = statistics.rx_dropped
    receiveRingFull = statistics.rx_ring_full
    receiveInvalid = statistics.rx_invalid_descs
    transmitInvalid = statistics.tx_invalid_descs
    fillRingEmpty = statistics.rx_fill_ring_empty_descs
    transmitRingEmpty = statistics.tx_ring_empty_descs
  }

  /// Packets that reached the kernel's side of a socket and never the port.
  public var dropped: UInt64 { receiveDropped &+ receiveRingFull &+ unseen }

  static func + (left: AFXDPCounters, right: AFXDPCounters) -> AFXDPCounters {
    var sum = left
    sum.receiveDropped &+= right.receiveDropped
    sum.receiveRingFull &+= right.receiveRingFull
    sum.unseen &+= right.unseen
    sum.receiveInvalid &+= right.receiveInvalid
    sum.transmitInvalid &+= right.transmitInvalid
    sum.fillRingEmpty &+= right.fillRingEmpty
    sum.transmitRingEmpty &+= right.transmitRingEmpty
    sum.socketsReplaced &+= right.socketsReplaced
    return sum
  }
}
