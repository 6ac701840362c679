// SPDX-License-Identifier: Apache-2.0

/// How a TAP port is set up.
public struct TAPOptions: Equatable, Sendable {
  /// What senders may leave to the reader; all but ``SenderOffload/none`` need `IFF_VNET_HDR`.
  public var offload = SenderOffload.checksum
  /// How received packets are laid over buffers; headers are not split here.
  public var mode = ReceiveMode.jumbo
  /// The MTU of an interface that the port has to create.
  public var mtu = 1_500
  /// Whether io_uring may be used.
  public var usesRing = true
  /// Whether the kernel is told the port's memory once, instead of at every packet.
  public var registersMemory = true

  /// The defaults.
  public init() {}
}
