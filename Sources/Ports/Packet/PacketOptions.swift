// SPDX-License-Identifier: Apache-2.0

/// How a packet-socket port is set up.
public struct PacketOptions: Equatable, Sendable {
  /// What senders may leave to the reader; all but ``SenderOffload/none`` need `PACKET_VNET_HDR`.
  ///
  /// A kernel does not cut packets for a packet socket: without ``SenderOffload/segmentation`` those that are still to be
  /// cut are dropped as ``DropReason/mtu``.
  public var offload = SenderOffload.checksum
  /// How received packets are laid over buffers.
  public var mode = ReceiveMode.jumbo
  /// Octets of a queue's receive ring; the kernel's own memory, a multiple of 131072.
  ///
  /// With the default the reader may be away for 64 times ``blockTimeout`` before packets are dropped.
  public var receiveByteCount = 8 << 20
  /// Frames that each queue can hold for sending.
  public var transmitCapacity = 256
  /// How long the kernel keeps packets to itself that do not fill a block, in milliseconds.
  public var blockTimeout = 1

  /// The defaults.
  public init() {}
}
