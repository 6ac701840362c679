// SPDX-License-Identifier: Apache-2.0

/// Dissects a frame.
///
/// A function of no type: called through an initializer's thunk, the result would be copied by wider
/// loads than it was written with, which the store buffer cannot serve.
@usableFromInline @inline(never)
func dissection(parsing frame: UnsafeRawPointer, _ byteCount: Int) -> Dissection {
  let link = unsafe Dissection.Link(frame, byteCount)
  guard link.type == EtherType.ipv4.rawValue else {
    return unsafe Dissection(other: frame, byteCount, link)
  }
  let packet = unsafe Dissection.Packet(ipv4: frame, byteCount, link)
  return Dissection(link, packet, unsafe Dissection.Segment(frame, packet))
}

// The walk in three steps, each a value of few words that the compiler keeps in registers.
//
// Safe: each step compares the octets it reads with `byteCount` before the first of them. The
// offsets fit 16 bits: 14 + 8 * 4 of link, 40 of network, 15 extensions of 2048 and 60 of transport.
extension Dissection {
  /// Ethernet and its tags.
  struct Link {
    var offset = 0
    var type: UInt16 = 0
    /// The first tag above the second.
    var tags: UInt64 = 0

    @inline(always) init(_ frame: UnsafeRawPointer, _ byteCount: Int) {
      guard byteCount >= Ethernet.headerByteCount else { return }
      offset = Ethernet.headerByteCount
      type = unsafe frame.field(12)
      if EtherType(rawValue: type).isVLAN { self = unsafe Link(tagged: frame, byteCount) }
    }

    @inline(never) private init(tagged frame: UnsafeRawPointer, _ byteCount: Int) {
      offset = Ethernet.headerByteCount
      type = unsafe frame.field(12)
      let deepest = Ethernet.headerByteCount &+ VLAN.maximumDepth &* VLAN.headerByteCount
      while EtherType(rawValue: type).isVLAN, offset < deepest, offset &+ 4 <= byteCount {
        let tag = unsafe UInt64(frame.field(offset &- 2) as UInt32)
        if offset == Ethernet.headerByteCount { tags = tag << 32 }
        if offset == Ethernet.headerByteCount &+ VLAN.headerByteCount { tags |= tag }
        type = unsafe frame.field(offset &+ 2)
        offset &+= VLAN.headerByteCount
      }
    }

    /// Why the walk ends if nothing behind the tags is ours.
    var stop: Stop {
      guard offset > 0 else { return .truncated }
      guard EtherType(rawValue: type).isVLAN else { return .otherEtherType }
      let depth = (offset &- Ethernet.headerByteCount) / VLAN.headerByteCount
      return depth < VLAN.maximumDepth ? .truncated : .tooDeep
    }
  }

  /// What stands behind the tags; its stop is `complete` if the walk goes on.
  struct Packet {
    var source = IPv6Address(high: 0, low: 0)
    var destination = IPv6Address(high: 0, low: 0)
    /// Where the transport header begins.
    var offset: Int
    var end: Int
    var facts = Facts(.other, IPProtocol(rawValue: 0), .truncated)

    @inline(always) init(ipv4 frame: UnsafeRawPointer, _ byteCount: Int, _ link: Link) {
      offset = link.offset
      end = byteCount
      let room = byteCount &- offset
      guard room >= IPv4.headerByteCount else { return }
      let view = unsafe IPv4.View(frame + offset)
      facts.stop = .malformed
      guard view.version == 4 else { return }
      source = IPv6Address(mapped: view.source)
      destination = IPv6Address(mapped: view.destination)
      facts = Facts(.ipv4, view.nextProtocol, .malformed)
      facts.set(.isFragment, view.isFragment)
      let header = view.headerByteCount
      let total = view.totalByteCount
      guard header >= IPv4.headerByteCount, total >= header else { return }
      setEnd(total, room)
      facts.stop = .truncated
      guard header <= room else { return }
      offset &+= header
      facts.stop = view.fragmentOffset == 0 ? .complete : .laterFragment
    }

    @inline(always) init(ipv6 frame: UnsafeRawPointer, _ byteCount: Int, _ link: Link) {
      offset = link.offset
      end = byteCount
      let room = byteCount &- offset
      guard room >= IPv6.headerByteCount else { return }
      let view = unsafe IPv6.View(frame + offset)
      facts.stop = .malformed
      guard view.version == 6 else { return }
      source = view.source
      destination = view.destination
      // A jumbogram (RFC 2675) says 0 and has its length in a hop-by-hop option: take all there is.
      let isJumbo = view.payloadByteCount == 0 && view.nextHeader == .hopByHop
      setEnd(isJumbo ? room : IPv6.headerByteCount &+ view.payloadByteCount, room)
      let isCutShort = facts.contains(.isCutShort)
      let chain = unsafe IPv6.Chain(
        frame, byteCount: end, from: offset &+ IPv6.headerByteCount, view.nextHeader)
      offset = chain.offset
      facts = Facts(.ipv6, chain.nextHeader, Packet.stop(chain.end))
      facts.set(.isCutShort, isCutShort)
      facts.set(.isFragment, chain.isFragment)
      facts.set(.hasSegmentsLeft, chain.hasSegmentsLeft)
    }

    init(other byteCount: Int, _ link: Link) {
      offset = link.offset
      end = byteCount
      facts.stop = link.stop
      guard EtherType(rawValue: link.type) == .arp else { return }
      facts.stop = .truncated
      guard byteCount &- offset >= ARP.packetByteCount else { return }
      facts = Facts(.arp, IPProtocol(rawValue: 0), .arp)
    }

    /// Ends the packet where it says, or where the octets do.
    @inline(always) private mutating func setEnd(_ total: Int, _ room: Int) {
      facts.set(.isCutShort, total > room)
      end = offset &+ min(total, room)
    }

    private static func stop(_ end: IPv6.Chain.End) -> Stop {
      switch end {
      case .upperLayer: .complete
      case .laterFragment: .laterFragment
      case .truncated: .truncated
      case .tooMany: .tooDeep
      }
    }
  }

  /// What stands behind the IP headers.
  struct Segment {
    /// The source port above the destination port.
    var ports: UInt32 = 0
    /// Where the payload begins.
    var offset: Int
    var facts: Facts

    @inline(always) init(_ frame: UnsafeRawPointer, _ packet: Packet) {
      offset = packet.offset
      facts = packet.facts
      guard facts.stop == .complete else { return }
      let header = unsafe frame + offset
      let room = packet.end &- offset
      if facts.transport.hasPorts, room >= 4 {
        facts.set(.hasPorts, true)
        ports = unsafe header.field(0)
      }
      if facts.transport == .udp {
        take(8, room)
        return
      }
      guard facts.transport == .tcp else {
        self = other(room)
        return
      }
      let byteCount = room >= 20 ? unsafe TCP.View(header).headerByteCount : 20
      if byteCount >= 20 { take(byteCount, room) } else { facts.stop = .malformed }
    }

    @inline(never) private func other(_ room: Int) -> Segment {
      var segment = self
      switch facts.transport {
      case .udpLite: segment.take(8, room)
      case .icmp where facts.network == .ipv4: segment.take(8, room)
      case .icmpv6 where facts.network == .ipv6: segment.take(8, room)
      case .sctp, .dccp: segment.take(12, room)
      case .esp: segment.facts.stop = .encrypted
      case .noNextHeader where facts.network == .ipv6: segment.facts.stop = .noNextHeader
      default: segment.facts.stop = .otherProtocol
      }
      return segment
    }

    /// Steps over a transport header, if it is there.
    @inline(always) private mutating func take(_ byteCount: Int, _ room: Int) {
      if byteCount <= room { offset &+= byteCount } else { facts.stop = .truncated }
    }
  }

  @inline(never) init(other frame: UnsafeRawPointer, _ byteCount: Int, _ link: Link) {
    guard EtherType(rawValue: link.type) == .ipv6 else {
      let packet = Packet(other: byteCount, link)
      self.init(link, packet, unsafe Segment(frame, packet))
      return
    }
    let packet = unsafe Packet(ipv6: frame, byteCount, link)
    self.init(link, packet, unsafe Segment(frame, packet))
  }

  @inline(always) init(_ link: Link, _ packet: Packet, _ segment: Segment) {
    source = packet.source
    destination = packet.destination
    tags = link.tags
    end = UInt32(truncatingIfNeeded: packet.end)
    ports = segment.ports
    networkAt = UInt16(truncatingIfNeeded: link.offset)
    transportAt = UInt16(truncatingIfNeeded: packet.offset)
    payloadAt = UInt16(truncatingIfNeeded: segment.offset)
    type = link.type
    facts = segment.facts
  }
}
