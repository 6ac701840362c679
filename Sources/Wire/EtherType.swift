// SPDX-License-Identifier: Apache-2.0

/// What follows an Ethernet header or a VLAN tag.
///
/// Source: `ETH_P_*`, `include/uapi/linux/if_ether.h`.
@frozen public struct EtherType: RawRepresentable, Hashable, Sendable {
  /// The number on the wire; below 1536 it is an IEEE 802.3 length.
  public let rawValue: UInt16

  /// Makes a type of its number.
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// IPv4 (RFC 894).
  @inlinable public static var ipv4: EtherType { EtherType(rawValue: 0x0800) }
  /// Address resolution (RFC 826).
  @inlinable public static var arp: EtherType { EtherType(rawValue: 0x0806) }
  /// A customer's tag (IEEE 802.1Q).
  @inlinable public static var vlan: EtherType { EtherType(rawValue: 0x8100) }
  /// IPv6 (RFC 2464).
  @inlinable public static var ipv6: EtherType { EtherType(rawValue: 0x86dd) }
  /// A service provider's tag, the outer one of QinQ (IEEE 802.1ad).
  @inlinable public static var serviceVLAN: EtherType { EtherType(rawValue: 0x88a8) }

  /// Whether a VLAN tag follows.
  ///
  /// Source: `eth_type_vlan()`, `include/linux/if_vlan.h`.
  @inlinable public var isVLAN: Bool { rawValue == 0x8100 || rawValue == 0x88a8 }
}

extension EtherType: CustomStringConvertible {
  /// The number in hexadecimal, as in `0x86dd`.
  public var description: String {
    let digits = String(rawValue, radix: 16)
    return "0x" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
  }
}
