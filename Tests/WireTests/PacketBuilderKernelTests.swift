// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// The builder writes, octet for octet, what the kernel wrote.
@Suite struct PacketBuilderKernelTests {
  let kernel4a = IPv4Address(192, 0, 2, 1)
  let kernel4b = IPv4Address(192, 0, 2, 2)
  let kernel6a = IPv6Address(high: 0x2001_0db8_0000_0000, low: 1)
  let kernel6b = IPv6Address(high: 0x2001_0db8_0000_0000, low: 2)
  let hello = Array("hello, wire".utf8)

  func ipv4(_ identification: UInt16, flags: Bool = true) -> IPv4.Header {
    var header = IPv4.Header(source: kernel4a, destination: kernel4b)
    header.identification = identification
    header.isUnsplittable = flags
    return header
  }

  func ipv6(_ flowLabel: UInt32) -> IPv6.Header {
    var header = IPv6.Header(source: kernel6a, destination: kernel6b)
    header.flowLabel = flowLabel
    return header
  }

  func packet(
    _ payload: [UInt8] = [], _ headers: (inout PacketBuilder) -> Void
  ) -> [UInt8] {
    PacketBuilder.octets { builder in
      builder.ethernet()
      headers(&builder)
      reading(payload) { builder.payload($0) }
    }
  }

  @Test func arp() {
    let request = ARP.Packet(
      operation: .request, senderMAC: station1, sender: kernel4a,
      targetMAC: MACAddress(rawValue: 0), target: kernel4b)
    let frame = PacketBuilder.octets {
      $0.ethernet(source: station1, destination: .broadcast)
      $0.arp(request)
    }
    #expect(frame == KernelPacket.arpRequest.octets)
    #expect(reading(frame[14...]) { ARP.Packet(parsing: $0) } == request)
  }

  @Test func udp() {
    let udp4 = packet(hello) {
      $0.ipv4(ipv4(0xdf1a))
      $0.udp(source: 5353, destination: 53)
    }
    #expect(udp4 == KernelPacket.udp4.octets)
    let udp6 = packet(hello) {
      $0.ipv6(ipv6(0xa6d50))
      $0.udp(source: 5353, destination: 53)
    }
    #expect(udp6 == KernelPacket.udp6.octets)
  }

  @Test func extensions() {
    let one = packet(Array("hop".utf8)) {
      $0.ipv6(ipv6(0x29c58))
      $0.ipv6Extension(.hopByHop, byteCount: 8)
      $0.udp(source: 5354, destination: 53)
    }
    #expect(one == KernelPacket.udp6HopByHop.octets)
    let two = packet(Array("dst".utf8)) {
      $0.ipv6(ipv6(0x165ff))
      $0.ipv6Extension(.hopByHop, byteCount: 8)
      $0.ipv6Extension(.destinationOptions, byteCount: 8)
      $0.udp(source: 5355, destination: 53)
    }
    #expect(two == KernelPacket.udp6TwoExtensions.octets)
  }

  @Test func tcp() {
    var header = TCP.Header(sourcePort: 9, destinationPort: 40_000, flags: [.rst, .ack])
    header.acknowledgementNumber = 0x0707_3eae
    header.window = 0
    let frame = PacketBuilder.octets { builder in
      builder.ethernet(source: station2, destination: station1)
      var ip = IPv4.Header(source: kernel4b, destination: kernel4a)
      ip.isUnsplittable = true
      builder.ipv4(ip)
      builder.tcp(header)
    }
    #expect(frame == KernelPacket.tcp4Reset.octets)
  }

  @Test func echo() {
    let echo4 = packet(Array("abcdefgh".utf8)) {
      $0.ipv4(ipv4(0xea3b))
      $0.icmp(ICMP.Header(.echoRequest, identifier: 0x1234, sequenceNumber: 1))
    }
    #expect(echo4 == KernelPacket.icmp4.octets)
    let echo6 = packet(Array("abcdefgh".utf8)) {
      $0.ipv6(ipv6(0x4e821))
      $0.icmpv6(ICMPv6.Header(.echoRequest, identifier: 0x1234, sequenceNumber: 1))
    }
    #expect(echo6 == KernelPacket.icmp6.octets)
  }

  /// A datagram of 2000 octets over an MTU of 1500.
  @Test func fragmentsOfIPv4() {
    let data = (0..<10).flatMap { _ in (0..<200).map { UInt8($0) } }
    let whole = packet(data) {
      $0.ipv4(ipv4(0, flags: false))
      $0.udp(source: 5356, destination: 54)
    }
    let fragments = PacketBuilder.fragments(of: whole, payload: 1480, identification: 0xdf1c)
    #expect(fragments.map(\.count) == [1514, 562])
    let first = "020000000002020000000001 0800 450005dcdf1c20004011f1f0 c0000201 c0000202"
    #expect(fragments[0].starts(with: hex(first + "14ec003607d816f4 00010203")))
    let second = "020000000002020000000001 0800 45000224df1c00b9401114f0 c0000201 c0000202"
    #expect(fragments[1].starts(with: hex(second + "48494a4b")))
  }

  @Test func fragmentsOfIPv6() {
    let data = (0..<10).flatMap { _ in (0..<200).map { UInt8($0) } }
    let whole = packet(data) {
      $0.ipv6(ipv6(0xc370f))
      $0.udp(source: 5356, destination: 54)
    }
    let fragments = PacketBuilder.fragments(of: whole, payload: 1448, identification: 0x8234_e3fc)
    #expect(fragments.map(\.count) == [1510, 622])
    let hosts = "20010db8000000000000000000000001 20010db8000000000000000000000002"
    let first = "020000000002020000000001 86dd 600c370f05b02c40 \(hosts) 110000018234e3fc"
    #expect(fragments[0].starts(with: hex(first + "14ec003607d83f83 00010203")))
    let second = "020000000002020000000001 86dd 600c370f02382c40 \(hosts) 110005a88234e3fc"
    #expect(fragments[1].starts(with: hex(second + "28292a2b")))
  }

  /// Written by hand from the figures of IEEE 802.1Q and 802.1ad.
  @Test func tags() {
    let frame = PacketBuilder.octets { builder in
      builder.ethernet()
      builder.vlan(VLAN.Tag(5, isDropEligible: true, type: .serviceVLAN))
      builder.vlan(VLAN.Tag(7, priority: 3))
      builder.ipv4(ipv4(0xdf1a))
      builder.udp(source: 5353, destination: 53)
      reading(hello) { builder.payload($0) }
    }
    let tagged = hex("020000000002020000000001 88a8 1005 8100 6007 0800")
    #expect(frame == tagged + KernelPacket.udp4.octets[14...])
  }
}
