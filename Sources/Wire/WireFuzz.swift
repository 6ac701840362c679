// SPDX-License-Identifier: Apache-2.0

/// Every parser of this module under one roof, for fuzzers.
///
/// Each entry is a pure function of its octets. It returns whatever they are, unless a promise of
/// the module is broken: then it traps.
public enum WireFuzz {
  /// Runs all the other entries.
  public static func everything(_ octets: RawSpan) {
    dissect(octets)
    headers(octets)
    flowHash(octets)
    checksum(octets)
    text(octets)
  }

  /// Dissects a frame and looks whether the offsets are in order and within it.
  public static func dissect(_ frame: RawSpan) {
    let packet = Dissection(parsing: frame)
    precondition(packet.networkOffset <= packet.transportOffset, "The headers are in order.")
    precondition(packet.transportOffset <= packet.payloadOffset, "The headers are in order.")
    precondition(packet.endOffset <= frame.byteCount, "The packet lies within the frame.")
    precondition(packet.tagCount <= VLAN.maximumDepth, "There are few tags.")
    precondition(packet.networkOffset <= frame.byteCount, "The headers lie within the frame.")
    precondition(packet.payloadOffset <= packet.endOffset, "The headers lie within the packet.")
    precondition(packet.stop != .complete || packet.hasAddresses, "Transport stands on IP.")
    precondition(
      packet.stop != .complete || packet.payloadOffset > packet.transportOffset,
      "A transport header has octets.")
  }

  /// Parses the octets as each kind of header, and writes each back that can be written.
  public static func headers(_ octets: RawSpan) {
    let byteCount = octets.byteCount
    precondition(Ethernet.Header(parsing: octets) != nil || byteCount < 14, "Ethernet parses.")
    if let header = IPv4.Header(parsing: octets) {
      precondition(header.headerByteCount <= byteCount, "The header lies within the octets.")
      precondition(header.headerByteCount <= header.totalByteCount, "The lengths are in order.")
    }
    if let header = TCP.Header(parsing: octets) {
      precondition(header.headerByteCount <= byteCount, "The header lies within the octets.")
    }
    for kind: IPProtocol in [.hopByHop, .routing, .destinationOptions, .fragment, .ah, .esp] {
      guard let header = IPv6.Extension(kind, parsing: octets) else { continue }
      precondition(header.byteCount <= byteCount, "The header lies within the octets.")
      precondition(header.byteCount >= 8, "A chain comes to an end.")
    }
    precondition(UDP.Header(parsing: octets).map { $0.totalByteCount >= 8 } ?? true, "UDP has 8.")
    precondition(IPv6.Header(parsing: octets) == nil || byteCount >= 40, "IPv6 has 40 octets.")
    precondition(IPv6.Fragment(parsing: octets) != nil || byteCount < 8, "A fragment has 8.")
    precondition(ICMP.Header(parsing: octets) != nil || byteCount < 8, "ICMP has 8 octets.")
    precondition(ICMPv6.Header(parsing: octets) != nil || byteCount < 8, "ICMPv6 has 8 octets.")
    precondition(ARP.Packet(parsing: octets) == nil || byteCount >= 28, "ARP has 28 octets.")
    precondition(VLAN.Header(parsing: octets).map(\.tag.type.isVLAN) ?? true, "A tag is a tag.")
  }

  /// Hashes a frame, and looks whether the hash is that of the fields it dissects into.
  public static func flowHash(_ frame: RawSpan) {
    let hash = FlowHash.symmetric(frame)
    let packet = Dissection(parsing: frame)
    guard packet.stop == .complete, !packet.isFragment else { return }
    let expected: UInt32
    if let source = packet.sourceIPv4, let destination = packet.destinationIPv4 {
      expected = FlowHash.symmetric(
        source: source, destination: destination, packet.transport,
        sourcePort: packet.sourcePort, destinationPort: packet.destinationPort)
    } else {
      expected = FlowHash.symmetric(
        source: packet.source, destination: packet.destination, packet.transport,
        sourcePort: packet.sourcePort, destinationPort: packet.destinationPort)
    }
    precondition(hash == expected, "A frame and its fields hash alike.")
  }

  /// Sums the octets whole and in two pieces, and verifies them as a frame.
  public static func checksum(_ octets: RawSpan) {
    let whole = Checksum.of(octets)
    let middle = octets.byteCount / 3
    var pieces = Checksum()
    pieces.add(octets.extracting(0..<middle))
    pieces.add(octets.extracting(middle..<octets.byteCount))
    precondition(pieces.value == whole, "Pieces sum like the whole.")
    _ = Checksum.verify(octets)
  }

  /// Reads the octets as the text of each kind of address.
  public static func text(_ octets: RawSpan) {
    let count = min(octets.byteCount, 64)
    let text = String(
      decoding: (0..<count).map { unsafe octets.unsafeLoad(fromByteOffset: $0, as: UInt8.self) },
      as: UTF8.self)
    let roundTrips =
      (MACAddress(text).map { MACAddress($0.description) == $0 } ?? true)
      && (IPv4Address(text).map { IPv4Address($0.description) == $0 } ?? true)
      && (IPv6Address(text).map { IPv6Address($0.description) == $0 } ?? true)
    precondition(roundTrips, "The text of an address reads back as that address.")
  }
}
