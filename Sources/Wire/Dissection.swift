// SPDX-License-Identifier: Apache-2.0

/// What a frame is, in 64 octets: where its headers begin, who talks to whom, and how far we got.
///
/// A value; it refers to no memory. It reads headers and nothing else, so the first buffer of a
/// longer frame is enough. Whatever the octets, for those of an IP packet
/// `networkOffset <= transportOffset <= payloadOffset <= endOffset <= byteCount` holds.
///
/// Source: `__skb_flow_dissect()`, `net/core/flow_dissector.c`; it goes on into tunnels, we stop.
@frozen public struct Dissection: Hashable, Sendable {
  /// Why the walk ended.
  @frozen public enum Stop: UInt8, Sendable, CaseIterable {
    /// Behind a transport header: UDP, TCP, ICMP, ICMPv6, SCTP, DCCP or UDP-Lite.
    case complete
    /// At an ARP packet.
    case arp
    /// At an EtherType that is none of ours.
    case otherEtherType
    /// At an IP protocol that is none of ours.
    case otherProtocol
    /// In a fragment that is not its datagram's first: payload follows.
    case laterFragment
    /// At the end that an IPv6 header announced.
    case noNextHeader
    /// At an ESP header, behind which all is encrypted.
    case encrypted
    /// Where the octets, or the IP packet within them, end too early.
    case truncated
    /// At a header that contradicts itself.
    case malformed
    /// At more VLAN tags or extension headers than anybody has a use for.
    case tooDeep
  }

  /// What stands behind Ethernet and its tags.
  @frozen public enum Network: UInt8, Sendable {
    /// Neither of those below, or too little of one.
    case other
    /// ARP.
    case arp
    /// IPv4.
    case ipv4
    /// IPv6.
    case ipv6
  }

  /// Whom the packet is from; an IPv4 address stands IPv4-mapped, and zero where there is none.
  public let source: IPv6Address
  /// Whom the packet is for; an IPv4 address stands IPv4-mapped, and zero where there is none.
  public let destination: IPv6Address

  // The rest is packed by the walk, which so keeps all of it in registers: with a field for each
  // fact it takes three times as long.
  @usableFromInline let tags: UInt64
  @usableFromInline let end: UInt32
  @usableFromInline let ports: UInt32
  @usableFromInline let networkAt: UInt16
  @usableFromInline let transportAt: UInt16
  @usableFromInline let payloadAt: UInt16
  @usableFromInline let type: UInt16
  @usableFromInline let facts: Facts

  /// Dissects an Ethernet frame.
  @inlinable public init(parsing frame: RawSpan) {
    self = unsafe frame.withUnsafeBytes {
      unsafe Dissection(parsing: $0.start, byteCount: $0.count)
    }
  }

  /// Dissects the Ethernet frame at a pointer.
  ///
  /// - Parameters:
  ///   - frame: Its first octet.
  ///   - byteCount: Its readable octets.
  @inlinable @unsafe public init(parsing frame: UnsafeRawPointer, byteCount: Int) {
    self = unsafe dissection(parsing: frame, byteCount)
  }
}

extension Dissection {
  /// Where the network header begins; 0 in a frame too short for Ethernet.
  @inlinable public var networkOffset: Int { Int(networkAt) }
  /// Where the transport header begins, or a fragment's payload; without IP, `networkOffset`.
  @inlinable public var transportOffset: Int { Int(transportAt) }
  /// Where the payload of the transport header begins; without one, `transportOffset`.
  @inlinable public var payloadOffset: Int { Int(payloadAt) }
  /// Where the IP packet ends, padding excluded, or the octets do.
  @inlinable public var endOffset: Int { Int(end) }

  /// The type behind the last VLAN tag read; 0 in a frame too short for Ethernet.
  @inlinable public var etherType: EtherType { EtherType(rawValue: type) }
  /// How many VLAN tags there are; at most `VLAN.maximumDepth`.
  @inlinable public var tagCount: Int {
    max(0, networkOffset &- Ethernet.headerByteCount) / VLAN.headerByteCount
  }
  /// The tag that stands first.
  @inlinable public var outerTag: VLAN.Tag? {
    tagCount > 0 ? VLAN.Tag(rawValue: UInt32(truncatingIfNeeded: tags >> 32)) : nil
  }
  /// The tag that stands second.
  @inlinable public var innerTag: VLAN.Tag? {
    tagCount > 1 ? VLAN.Tag(rawValue: UInt32(truncatingIfNeeded: tags)) : nil
  }

  /// What stands behind Ethernet and its tags.
  @inlinable public var network: Network { facts.network }
  /// Whether source and destination are known.
  @inlinable public var hasAddresses: Bool { network == .ipv4 || network == .ipv6 }
  /// Whom an IPv4 packet is from.
  @inlinable public var sourceIPv4: IPv4Address? { network == .ipv4 ? source.mapped : nil }
  /// Whom an IPv4 packet is for.
  @inlinable public var destinationIPv4: IPv4Address? {
    network == .ipv4 ? destination.mapped : nil
  }

  /// The protocol at `transportOffset`; of no meaning without an IP header.
  @inlinable public var transport: IPProtocol { facts.transport }
  /// Whether the ports were read.
  @inlinable public var hasPorts: Bool { facts.contains(.hasPorts) }
  /// The sender's port; 0 unless `hasPorts`.
  @inlinable public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: ports >> 16) }
  /// The receiver's port; 0 unless `hasPorts`.
  @inlinable public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: ports) }

  /// Why the walk ended.
  @inlinable public var stop: Stop { facts.stop }
  /// Whether the packet is a part of a datagram, its first included; atomic fragments are whole.
  @inlinable public var isFragment: Bool { facts.contains(.isFragment) }
  /// Whether an IPv6 routing header names destinations after `destination`.
  @inlinable public var hasSegmentsLeft: Bool { facts.contains(.hasSegmentsLeft) }
  /// Whether the IP packet claims more octets than there are, as a frame in several buffers does.
  @inlinable public var isCutShort: Bool { facts.contains(.isCutShort) }
}
