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
  public internal(set) var source = IPv6Address(high: 0, low: 0)
  /// Whom the packet is for; an IPv4 address stands IPv4-mapped, and zero where there is none.
  public internal(set) var destination = IPv6Address(high: 0, low: 0)

  var outer: UInt32 = 0
  var inner: UInt32 = 0
  var end: UInt32 = 0
  var networkAt: UInt16 = 0
  var transportAt: UInt16 = 0
  var payloadAt: UInt16 = 0

  /// The sender's port; 0 unless `hasPorts`.
  public internal(set) var sourcePort: UInt16 = 0
  /// The receiver's port; 0 unless `hasPorts`.
  public internal(set) var destinationPort: UInt16 = 0
  /// The type behind the last VLAN tag read.
  public internal(set) var etherType = EtherType(rawValue: 0)
  /// The protocol at `transportOffset`; of no meaning without an IP header.
  public internal(set) var transport = IPProtocol(rawValue: 0)
  /// How many VLAN tags there are; at most `VLAN.maximumDepth`.
  public internal(set) var tagCount: UInt8 = 0
  /// What stands behind Ethernet and its tags.
  public internal(set) var network = Network.other
  /// Why the walk ended.
  public internal(set) var stop = Stop.truncated
  /// Whether the packet is a part of a datagram, its first included; atomic fragments are whole.
  public internal(set) var isFragment = false
  /// Whether the ports were read.
  public internal(set) var hasPorts = false
  /// Whether an IPv6 routing header names destinations after `destination`.
  public internal(set) var hasSegmentsLeft = false
  /// Whether the IP packet claims more octets than there are, as a frame in several buffers does.
  public internal(set) var isCutShort = false

  /// Dissects an Ethernet frame.
  public init(parsing frame: RawSpan) {
    self = unsafe frame.withUnsafeBytes {
      unsafe Dissection(parsing: $0.start, byteCount: $0.count)
    }
  }

  /// Dissects the Ethernet frame at a pointer.
  ///
  /// - Parameters:
  ///   - frame: Its first octet.
  ///   - byteCount: Its readable octets.
  @unsafe public init(parsing frame: UnsafeRawPointer, byteCount: Int) {
    unsafe parseLink(frame, byteCount)
  }
}

extension Dissection {
  /// Where the network header begins; 0 in a frame too short for Ethernet.
  public var networkOffset: Int { Int(networkAt) }
  /// Where the transport header begins, or a fragment's payload; without IP, `networkOffset`.
  public var transportOffset: Int { Int(transportAt) }
  /// Where the payload of the transport header begins; without one, `transportOffset`.
  public var payloadOffset: Int { Int(payloadAt) }
  /// Where the IP packet ends, padding excluded, or the octets do.
  public var endOffset: Int { Int(end) }

  /// The tag that stands first.
  public var outerTag: VLAN.Tag? { tagCount > 0 ? VLAN.Tag(rawValue: outer) : nil }
  /// The tag that stands second.
  public var innerTag: VLAN.Tag? { tagCount > 1 ? VLAN.Tag(rawValue: inner) : nil }

  /// Whether source and destination are known.
  public var hasAddresses: Bool { network == .ipv4 || network == .ipv6 }
  /// Whom an IPv4 packet is from.
  public var sourceIPv4: IPv4Address? { network == .ipv4 ? source.mapped : nil }
  /// Whom an IPv4 packet is for.
  public var destinationIPv4: IPv4Address? { network == .ipv4 ? destination.mapped : nil }
}
