// SPDX-License-Identifier: Apache-2.0

/// What follows an IPv4 header, an IPv6 header or an IPv6 extension header.
///
/// Source: `IPPROTO_*`, `include/uapi/linux/in.h`, and `NEXTHDR_*`, `include/net/ipv6.h`.
@frozen public struct IPProtocol: RawRepresentable, Hashable, Sendable {
  /// The number on the wire.
  public let rawValue: UInt8

  /// Makes a protocol of its number.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// IPv6 hop-by-hop options (RFC 8200, section 4.3).
  @inlinable public static var hopByHop: IPProtocol { IPProtocol(rawValue: 0) }
  /// ICMP (RFC 792).
  @inlinable public static var icmp: IPProtocol { IPProtocol(rawValue: 1) }
  /// IPv4 inside (RFC 2003).
  @inlinable public static var ipInIP: IPProtocol { IPProtocol(rawValue: 4) }
  /// TCP (RFC 9293).
  @inlinable public static var tcp: IPProtocol { IPProtocol(rawValue: 6) }
  /// UDP (RFC 768).
  @inlinable public static var udp: IPProtocol { IPProtocol(rawValue: 17) }
  /// DCCP (RFC 4340).
  @inlinable public static var dccp: IPProtocol { IPProtocol(rawValue: 33) }
  /// IPv6 inside (RFC 2473, RFC 4213).
  @inlinable public static var ipv6InIP: IPProtocol { IPProtocol(rawValue: 41) }
  /// IPv6 routing header (RFC 8200, section 4.4).
  @inlinable public static var routing: IPProtocol { IPProtocol(rawValue: 43) }
  /// IPv6 fragment header (RFC 8200, section 4.5).
  @inlinable public static var fragment: IPProtocol { IPProtocol(rawValue: 44) }
  /// IPsec encapsulating security payload (RFC 4303).
  @inlinable public static var esp: IPProtocol { IPProtocol(rawValue: 50) }
  /// IPsec authentication header (RFC 4302).
  @inlinable public static var ah: IPProtocol { IPProtocol(rawValue: 51) }
  /// ICMPv6 (RFC 4443).
  @inlinable public static var icmpv6: IPProtocol { IPProtocol(rawValue: 58) }
  /// Nothing follows (RFC 8200, section 4.7).
  @inlinable public static var noNextHeader: IPProtocol { IPProtocol(rawValue: 59) }
  /// IPv6 destination options (RFC 8200, section 4.6).
  @inlinable public static var destinationOptions: IPProtocol { IPProtocol(rawValue: 60) }
  /// SCTP (RFC 9260).
  @inlinable public static var sctp: IPProtocol { IPProtocol(rawValue: 132) }
  /// UDP-Lite (RFC 3828).
  @inlinable public static var udpLite: IPProtocol { IPProtocol(rawValue: 136) }

  /// Whether the header opens with a source and a destination port of 16 bits each.
  ///
  /// Source: `proto_ports_offset()`, `include/linux/in.h`; it also gives the SPI of IPsec, which
  /// differs by direction.
  @inlinable public var hasPorts: Bool {
    switch rawValue {
    case 6, 17, 33, 132, 136: true
    default: false
    }
  }

  /// Whether the number names an IPv6 extension header that can be stepped over.
  @inlinable public var isExtension: Bool {
    switch rawValue {
    case 0, 43, 44, 51, 60: true
    default: false
    }
  }
}

extension IPProtocol: CustomStringConvertible {
  /// The number in decimal.
  public var description: String { "\(rawValue)" }
}
