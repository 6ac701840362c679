// SPDX-License-Identifier: Apache-2.0

// Safe: each function compares the octets it reads with `byteCount` before the first of them. The
// offsets fit 16 bits: 14 + 8 * 4 of link, 40 of network, 15 extensions of 2048 and 60 of transport.
extension Dissection {
  mutating func parseLink(_ frame: UnsafeRawPointer, _ byteCount: Int) {
    guard byteCount >= Ethernet.headerByteCount else { return }
    var offset = Ethernet.headerByteCount
    var type = unsafe EtherType(rawValue: frame.field(12))
    while type.isVLAN, tagCount < VLAN.maximumDepth, offset &+ 4 <= byteCount {
      let tag: UInt32 = unsafe frame.field(offset &- 2)
      if tagCount == 0 { outer = tag } else if tagCount == 1 { inner = tag }
      tagCount &+= 1
      type = unsafe EtherType(rawValue: frame.field(offset &+ 2))
      offset &+= VLAN.headerByteCount
    }
    etherType = type
    networkAt = UInt16(truncatingIfNeeded: offset)
    transportAt = networkAt
    payloadAt = networkAt
    end = UInt32(truncatingIfNeeded: byteCount)
    switch type {
    case .ipv4: unsafe parseIPv4(frame, byteCount)
    case .ipv6: unsafe parseIPv6(frame, byteCount)
    case .arp: parseARP(byteCount)
    default:
      guard type.isVLAN else { return stop = .otherEtherType }
      stop = tagCount < VLAN.maximumDepth ? .truncated : .tooDeep
    }
  }

  private mutating func parseARP(_ byteCount: Int) {
    guard networkOffset &+ ARP.packetByteCount <= byteCount else { return }
    network = .arp
    stop = .arp
  }

  private mutating func parseIPv4(_ frame: UnsafeRawPointer, _ byteCount: Int) {
    let room = byteCount &- networkOffset
    guard room >= IPv4.headerByteCount else { return }
    let view = unsafe IPv4.View(frame + networkOffset)
    guard view.version == 4 else { return stop = .malformed }
    network = .ipv4
    source = IPv6Address(mapped: view.source)
    destination = IPv6Address(mapped: view.destination)
    transport = view.nextProtocol
    isFragment = view.isFragment
    let header = view.headerByteCount
    let total = view.totalByteCount
    guard header >= IPv4.headerByteCount, total >= header else { return stop = .malformed }
    setEnd(total, room)
    guard header <= room else { return }
    transportAt &+= UInt16(truncatingIfNeeded: header)
    payloadAt = transportAt
    guard view.fragmentOffset == 0 else { return stop = .laterFragment }
    unsafe parseTransport(frame)
  }

  private mutating func parseIPv6(_ frame: UnsafeRawPointer, _ byteCount: Int) {
    let room = byteCount &- networkOffset
    guard room >= IPv6.headerByteCount else { return }
    let view = unsafe IPv6.View(frame + networkOffset)
    guard view.version == 6 else { return stop = .malformed }
    network = .ipv6
    source = view.source
    destination = view.destination
    // A jumbogram (RFC 2675) says 0 here and its length in a hop-by-hop option: take all there is.
    let isJumbo = view.payloadByteCount == 0 && view.nextHeader == .hopByHop
    setEnd(isJumbo ? room : IPv6.headerByteCount &+ view.payloadByteCount, room)
    let chain = unsafe IPv6.Chain(
      frame, byteCount: endOffset, from: networkOffset &+ IPv6.headerByteCount, view.nextHeader)
    transport = chain.nextHeader
    isFragment = chain.isFragment
    hasSegmentsLeft = chain.hasSegmentsLeft
    transportAt = UInt16(truncatingIfNeeded: chain.offset)
    payloadAt = transportAt
    switch chain.end {
    case .upperLayer: unsafe parseTransport(frame)
    case .laterFragment: stop = .laterFragment
    case .truncated: stop = .truncated
    case .tooMany: stop = .tooDeep
    }
  }

  /// Ends the packet where it says, or where the octets do.
  private mutating func setEnd(_ total: Int, _ room: Int) {
    isCutShort = total > room
    end = UInt32(truncatingIfNeeded: networkOffset &+ min(total, room))
  }

  private mutating func parseTransport(_ frame: UnsafeRawPointer) {
    let header = unsafe frame + transportOffset
    let room = endOffset &- transportOffset
    if transport.hasPorts, room >= 4 {
      hasPorts = true
      sourcePort = unsafe header.field(0)
      destinationPort = unsafe header.field(2)
    }
    switch transport {
    case .udp, .udpLite: take(8, room)
    case .tcp:
      guard room >= TCP.headerByteCount else { return }
      let byteCount = unsafe TCP.View(header).headerByteCount
      guard byteCount >= TCP.headerByteCount else { return stop = .malformed }
      take(byteCount, room)
    case .icmp where network == .ipv4: take(8, room)
    case .icmpv6 where network == .ipv6: take(8, room)
    case .sctp, .dccp: take(12, room)
    case .esp: stop = .encrypted
    case .noNextHeader where network == .ipv6: stop = .noNextHeader
    default: stop = .otherProtocol
    }
  }

  /// Steps over a transport header, if it is there.
  private mutating func take(_ byteCount: Int, _ room: Int) {
    guard byteCount <= room else { return }
    payloadAt = transportAt &+ UInt16(truncatingIfNeeded: byteCount)
    stop = .complete
  }
}
