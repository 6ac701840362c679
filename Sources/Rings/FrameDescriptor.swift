// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// A slot of an AF_XDP receive or transmit ring: where a piece of a packet lies in the UMEM.
///
/// Source: `struct xdp_desc`, `include/uapi/linux/if_xdp.h`.
@frozen
public struct FrameDescriptor: BitwiseCopyable, Sendable, Equatable {
  /// The offset of the first octet in the UMEM.
  public var address: UInt64
  /// The length in octets.
  public var length: UInt32
  /// Flags; `continues` is the only one that receive sets.
  public var options: UInt32

  /// Describes a piece of a packet.
  ///
  /// - Parameters:
  ///   - address: The offset of the first octet in the UMEM.
  ///   - length: The length in octets.
  ///   - continues: Whether the packet goes on in the next descriptor.
  @inlinable
  public init(address: UInt64, length: UInt32, continues: Bool = false) {
    self.address = address
    self.length = length
    self.options = continues ? Self.continuesFlag : 0
  }

  /// Whether the packet goes on in the next descriptor.
  @inlinable
  public var continues: Bool { options & Self.continuesFlag != 0 }

  @inlinable
  static var continuesFlag: UInt32 { UInt32(CLINUX_XDP_PKT_CONTD) }
}
