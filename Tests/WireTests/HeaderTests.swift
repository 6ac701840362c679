// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// What is written reads back, and what is too short or contradicts itself is refused.
@Suite struct HeaderTests {
  let draws = 500

  func written(_ byteCount: Int, _ write: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
    var octets = [UInt8](repeating: 0xee, count: byteCount + 4)
    unsafe octets.withUnsafeMutableBytes { unsafe write($0.baseAddress!) }
    #expect(octets.suffix(4) == [0xee, 0xee, 0xee, 0xee])
    return octets.dropLast(4)
  }

  func mac(_ random: inout SplitMix) -> MACAddress { MACAddress(rawValue: random.next()) }
  func short(_ random: inout SplitMix) -> UInt16 { UInt16(truncatingIfNeeded: random.next()) }
  func word(_ random: inout SplitMix) -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }
  func octet(_ random: inout SplitMix) -> UInt8 { UInt8(truncatingIfNeeded: random.next()) }

  @Test func ethernet() {
    var random = SplitMix(seed: 1)
    for _ in 0..<draws {
      let header = Ethernet.Header(
        destination: mac(&random), source: mac(&random), type: EtherType(rawValue: short(&random)))
      let octets = unsafe written(14) { unsafe header.write(to: $0) }
      #expect(reading(octets) { Ethernet.Header(parsing: $0) } == header)
      #expect(reading(octets.dropLast()) { Ethernet.Header(parsing: $0) } == nil)
    }
  }

  @Test func vlan() {
    var random = SplitMix(seed: 2)
    for _ in 0..<draws {
      let identifier = short(&random)
      let priority = octet(&random)
      let tag = VLAN.Tag(
        identifier, priority: priority, isDropEligible: random.below(2) == 1,
        type: random.below(2) == 1 ? .vlan : .serviceVLAN)
      #expect(tag.identifier == identifier & 0xfff)
      #expect(tag.priority == priority & 7)
      let octets = PacketBuilder.octets {
        $0.ethernet()
        $0.vlan(tag, type: .arp)
      }
      let header = reading(octets[12...]) { VLAN.Header(parsing: $0) }
      #expect(header == VLAN.Header(tag: tag, type: .arp))
      #expect(reading(octets[12...].dropLast()) { VLAN.Header(parsing: $0) } == nil)
      #expect(reading(octets[10...]) { VLAN.Header(parsing: $0) } == nil)
    }
  }

  @Test func arp() {
    var random = SplitMix(seed: 3)
    for _ in 0..<draws {
      let packet = ARP.Packet(
        operation: random.below(2) == 0 ? .request : .reply, senderMAC: mac(&random),
        sender: IPv4Address(rawValue: word(&random)), targetMAC: mac(&random),
        target: IPv4Address(rawValue: word(&random)))
      let octets = unsafe written(28) { unsafe packet.write(to: $0) }
      #expect(reading(octets) { ARP.Packet(parsing: $0) } == packet)
      #expect(reading(octets.dropLast()) { ARP.Packet(parsing: $0) } == nil)
      for offset in 0..<6 {
        var other = octets
        other[offset] ^= 0x10
        #expect(reading(other) { ARP.Packet(parsing: $0) } == nil)
      }
    }
  }

  @Test func ipv4() {
    var random = SplitMix(seed: 4)
    for _ in 0..<draws {
      var header = IPv4.Header(
        source: IPv4Address(rawValue: word(&random)),
        destination: IPv4Address(rawValue: word(&random)),
        nextProtocol: IPProtocol(rawValue: octet(&random)))
      header.headerByteCount = 20 + 4 * random.below(11)
      header.totalByteCount = header.headerByteCount + random.below(65_476)
      header.typeOfService = octet(&random)
      header.identification = short(&random)
      header.isUnsplittable = random.below(2) == 1
      header.hasMoreFragments = random.below(2) == 1
      header.fragmentOffset = 8 * random.below(8192)
      header.timeToLive = octet(&random)
      header.checksum = short(&random)
      let octets =
        unsafe written(20) { unsafe header.write(to: $0) }
        + [UInt8](repeating: 1, count: header.headerByteCount - 20)
      #expect(reading(octets) { IPv4.Header(parsing: $0) } == header)
      #expect(reading(octets.dropLast()) { IPv4.Header(parsing: $0) } == nil)
      let isFragment = unsafe octets.withUnsafeBytes {
        unsafe IPv4.View($0.baseAddress!).isFragment
      }
      #expect(isFragment == (header.hasMoreFragments || header.fragmentOffset > 0))
    }
  }

  @Test(arguments: [(0, 0x55), (0, 0x65), (0, 0x44), (0, 0x40), (3, 19), (3, 0)])
  func ipv4ThatContradictsItselfIsRefused(_ offset: Int, _ value: UInt8) {
    var header = IPv4.Header(source: host4a, destination: host4b)
    header.totalByteCount = 20
    var octets = unsafe written(20) { unsafe header.write(to: $0) }
    #expect(reading(octets) { IPv4.Header(parsing: $0) } != nil)
    octets[offset] = value
    #expect(reading(octets) { IPv4.Header(parsing: $0) } == nil)
  }

  @Test func ipv6() {
    var random = SplitMix(seed: 6)
    for _ in 0..<draws {
      var header = IPv6.Header(
        source: IPv6Address(high: random.next(), low: random.next()),
        destination: IPv6Address(high: random.next(), low: random.next()),
        nextHeader: IPProtocol(rawValue: octet(&random)))
      header.trafficClass = octet(&random)
      header.flowLabel = word(&random) & 0xfffff
      header.payloadByteCount = Int(short(&random))
      header.hopLimit = octet(&random)
      var octets = unsafe written(40) { unsafe header.write(to: $0) }
      #expect(reading(octets) { IPv6.Header(parsing: $0) } == header)
      #expect(reading(octets.dropLast()) { IPv6.Header(parsing: $0) } == nil)
      octets[0] ^= 0x20
      #expect(reading(octets) { IPv6.Header(parsing: $0) } == nil)
    }
  }

  @Test func ipv6Fragment() {
    var random = SplitMix(seed: 44)
    for _ in 0..<draws {
      let header = IPv6.Fragment(
        nextHeader: IPProtocol(rawValue: octet(&random)), offset: 8 * random.below(8192),
        hasMoreFragments: random.below(2) == 1, identification: word(&random))
      let octets = unsafe written(8) { unsafe header.write(to: $0) }
      #expect(reading(octets) { IPv6.Fragment(parsing: $0) } == header)
      #expect(reading(octets.dropLast()) { IPv6.Fragment(parsing: $0) } == nil)
    }
  }

  @Test(arguments: [
    (0, 0, 8), (0, 255, 2048), (43, 2, 24), (60, 1, 16), (51, 0, 8), (51, 4, 24), (51, 255, 1028),
    (44, 77, 8),
  ])
  func ipv6ExtensionsHaveTheirLength(_ kind: UInt8, _ units: UInt8, _ byteCount: Int) {
    let kind = IPProtocol(rawValue: kind)
    let octets = [17, units] + [UInt8](repeating: 0, count: byteCount - 2)
    let header = reading(octets) { IPv6.Extension(kind, parsing: $0) }
    #expect(header?.byteCount == byteCount)
    #expect(header?.nextHeader == .udp)
    #expect(reading(octets.dropLast()) { IPv6.Extension(kind, parsing: $0) } == nil)
    #expect(reading(octets) { IPv6.Extension(.tcp, parsing: $0) } == nil)
  }

  @Test func udp() {
    var random = SplitMix(seed: 17)
    for _ in 0..<draws {
      let header = UDP.Header(
        sourcePort: short(&random), destinationPort: short(&random),
        totalByteCount: 8 + random.below(65_528), checksum: short(&random))
      var octets = unsafe written(8) { unsafe header.write(to: $0) }
      #expect(reading(octets) { UDP.Header(parsing: $0) } == header)
      #expect(reading(octets.dropLast()) { UDP.Header(parsing: $0) } == nil)
      octets[4] = 0
      octets[5] = 7
      #expect(reading(octets) { UDP.Header(parsing: $0) } == nil)
    }
  }

  @Test func tcp() {
    var random = SplitMix(seed: 60)
    for _ in 0..<draws {
      var header = TCP.Header(
        sourcePort: short(&random), destinationPort: short(&random),
        flags: TCP.Flags(rawValue: octet(&random)))
      header.sequenceNumber = word(&random)
      header.acknowledgementNumber = word(&random)
      header.headerByteCount = 20 + 4 * random.below(11)
      header.window = short(&random)
      header.checksum = short(&random)
      header.urgentPointer = short(&random)
      var octets =
        unsafe written(20) { unsafe header.write(to: $0) }
        + [UInt8](repeating: 1, count: header.headerByteCount - 20)
      #expect(reading(octets) { TCP.Header(parsing: $0) } == header)
      #expect(reading(octets.dropLast()) { TCP.Header(parsing: $0) } == nil)
      octets[12] = 0x4f
      #expect(reading(octets) { TCP.Header(parsing: $0) } == nil)
    }
  }

  @Test func icmp() {
    var random = SplitMix(seed: 58)
    for _ in 0..<draws {
      var four = ICMP.Header(.echoReply, code: octet(&random), rest: word(&random))
      four.checksum = short(&random)
      let octets4 = unsafe written(8) { unsafe four.write(to: $0) }
      #expect(reading(octets4) { ICMP.Header(parsing: $0) } == four)
      #expect(reading(octets4.dropLast()) { ICMP.Header(parsing: $0) } == nil)
      var six = ICMPv6.Header(.packetTooBig, code: octet(&random), rest: word(&random))
      six.checksum = short(&random)
      let octets6 = unsafe written(8) { unsafe six.write(to: $0) }
      #expect(reading(octets6) { ICMPv6.Header(parsing: $0) } == six)
      #expect(reading(octets6.dropLast()) { ICMPv6.Header(parsing: $0) } == nil)
    }
    let echo = ICMP.Header(.echoRequest, identifier: 0x1234, sequenceNumber: 0x5678)
    #expect(echo.identifier == 0x1234)
    #expect(echo.sequenceNumber == 0x5678)
  }
}
