// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct DissectionTests {
  @Test(arguments: Layers.every)
  func findsEveryHeaderThatWasBuilt(_ layers: Layers) {
    var random = SplitMix(seed: 11)
    let flow = Flow(random: &random)
    let octets = layers.packet(flow)
    let packet = dissect(octets)
    #expect(packet.stop == .complete)
    #expect(packet.networkOffset == 14 + 4 * layers.tags)
    #expect(packet.endOffset == octets.count)
    #expect(packet.payloadOffset == octets.count - layers.payloadByteCount)
    #expect(packet.payloadOffset - packet.transportOffset == layers.transportByteCount)
    #expect(packet.isFragment == layers.isFragment)
    #expect(!packet.isCutShort)
    #expect(!packet.hasSegmentsLeft)
    expectTags(packet, layers)
    expectAddresses(packet, layers, flow)
    expectPorts(packet, layers, flow)
  }

  /// Written by hand, not by the builder.
  @Test func findsEveryLayerOfATaggedPacket() {
    let packet = dissect(
      hex(
        """
        020000000002 020000000001 8100 0064 8100 0065 0800
        4500 0028 0001 4000 4006 0000 c0a80001 c0a80002
        1f90 01bb 00000001 00000000 5002 ffff 0000 0000
        """))
    #expect(packet.tagCount == 2)
    #expect(packet.innerTag?.identifier == 101)
    #expect(packet.networkOffset == 22)
    #expect(packet.transport == .tcp)
    #expect(packet.transportOffset == 42)
    #expect(packet.payloadOffset == 62)
    #expect(packet.sourceIPv4 == IPv4Address("192.168.0.1"))
    #expect(packet.destinationIPv4 == IPv4Address("192.168.0.2"))
    #expect(packet.sourcePort == 8_080)
    #expect(packet.destinationPort == 443)
  }

  private func expectTags(_ packet: Dissection, _ layers: Layers) {
    #expect(packet.tagCount == layers.tags)
    #expect(packet.outerTag == (layers.tags > 0 ? layers.tag(0) : nil))
    #expect(packet.innerTag == (layers.tags > 1 ? layers.tag(1) : nil))
    #expect(packet.outerTag?.identifier == (layers.tags > 0 ? 100 : nil))
    #expect(packet.innerTag?.identifier == (layers.tags > 1 ? 101 : nil))
    #expect(packet.innerTag?.isDropEligible == (layers.tags > 1 ? true : nil))
    #expect(
      packet.outerTag?.type == (layers.tags > 1 ? .serviceVLAN : layers.tags > 0 ? .vlan : nil))
  }

  private func expectAddresses(_ packet: Dissection, _ layers: Layers, _ flow: Flow) {
    #expect(packet.hasAddresses)
    switch layers.network {
    case .ipv4:
      #expect(packet.network == .ipv4)
      #expect(packet.etherType == .ipv4)
      #expect(packet.sourceIPv4 == flow.source4)
      #expect(packet.destinationIPv4 == flow.destination4)
    case .ipv6:
      #expect(packet.network == .ipv6)
      #expect(packet.etherType == .ipv6)
      #expect(packet.source == flow.source6)
      #expect(packet.destination == flow.destination6)
      #expect(packet.sourceIPv4 == nil)
    }
  }

  private func expectPorts(_ packet: Dissection, _ layers: Layers, _ flow: Flow) {
    let hasPorts = layers.transport != .icmp
    #expect(packet.hasPorts == hasPorts)
    #expect(packet.sourcePort == (hasPorts ? flow.sourcePort : 0))
    #expect(packet.destinationPort == (hasPorts ? flow.destinationPort : 0))
    let icmp: IPProtocol = layers.network == .ipv4 ? .icmp : .icmpv6
    let expected: IPProtocol = [.udp: .udp, .tcp: .tcp][layers.transport] ?? icmp
    #expect(packet.transport == expected)
  }

  /// Each prefix gets as far as it reaches, never further.
  @Test(arguments: Layers.every)
  func aPrefixTellsNoMoreThanItHas(_ layers: Layers) {
    let octets = layers.packet(Flow())
    let whole = dissect(octets)
    for count in 0..<octets.count {
      let packet = dissect(octets[..<count])
      #expect((packet.stop == .complete) == (count >= whole.payloadOffset), "\(count) octets")
      #expect(packet.hasPorts == (whole.hasPorts && count >= whole.transportOffset + 4))
      #expect(packet.endOffset <= count)
      let network = layers.network == .ipv4 ? 20 : 40
      #expect(packet.hasAddresses == (count >= whole.networkOffset + network))
      if packet.hasAddresses { #expect(packet.isCutShort && packet.source == whole.source) }
    }
  }

  @Test func paddingIsNoPartOfThePacket() {
    let octets = PacketBuilder.octets(minimumByteCount: 60) {
      $0.ethernet()
      $0.ipv4(source: host4a, destination: host4b)
      $0.udp(source: 1, destination: 2)
    }
    let packet = dissect(octets)
    #expect(packet.endOffset == 42)
    #expect(packet.payloadOffset == 42)
    #expect(!packet.isCutShort)
  }

  @Test func portsInThePaddingAreNotRead() {
    var octets = Layers(network: .ipv4, transport: .udp).packet(Flow())
    octets[17] = 23
    let packet = dissect(octets)
    #expect(packet.stop == .truncated)
    #expect(!packet.hasPorts)
    #expect(packet.endOffset == 37)
  }

  @Test(arguments: Layers.Network.allCases)
  func laterFragmentsHaveNoTransport(_ network: Layers.Network) {
    for transport in Layers.Transport.allCases {
      let whole = Layers(network: network, transport: transport).packet(Flow())
      let fragments = PacketBuilder.fragments(of: whole, payload: 16)
      #expect(fragments.count > 2)
      for (place, fragment) in fragments.enumerated() {
        let packet = dissect(fragment)
        #expect(packet.isFragment)
        if place > 0 || transport == .tcp {
          #expect(packet.stop == (place > 0 ? .laterFragment : .truncated))
          #expect(packet.payloadOffset == packet.transportOffset)
        }
        #expect(packet.hasPorts == (place == 0 && transport != .icmp))
        #expect(verify(fragment) == .unknown)
      }
    }
  }

  @Test func anAtomicFragmentIsWhole() {
    let octets = PacketBuilder.octets {
      $0.ethernet()
      $0.ipv6(source: host6a, destination: host6b)
      $0.ipv6Fragment(
        IPv6.Fragment(nextHeader: .udp, offset: 0, hasMoreFragments: false, identification: 9))
      $0.udp(source: 40_001, destination: 443)
      $0.payload(byteCount: 8)
    }
    let packet = dissect(octets)
    #expect(packet.stop == .complete)
    #expect(!packet.isFragment)
    #expect(verify(octets) == .valid)
    #expect(flowHash(octets) == flowHash(Layers(network: .ipv6, transport: .udp).packet(Flow())))
  }

  @Test func segmentsLeftKeepTheChecksumUnknown() {
    var octets = Layers(network: .ipv6, transport: .udp, hasOptions: true).packet(Flow())
    #expect(verify(octets) == .valid)
    octets[14 + 40 + 8 + 3] = 1
    #expect(dissect(octets).hasSegmentsLeft)
    #expect(verify(octets) == .unknown)
  }

  @Test func everyStopIsReached() {
    var reached: Set<Dissection.Stop> = []
    for (octets, stop) in stops {
      let packet = dissect(octets)
      #expect(packet.stop == stop)
      reached.insert(packet.stop)
    }
    #expect(reached == Set(Dissection.Stop.allCases))
  }

  private var stops: [([UInt8], Dissection.Stop)] {
    let udp = Layers(network: .ipv4, transport: .udp).packet(Flow())
    let tcp = Layers(network: .ipv4, transport: .tcp).packet(Flow())
    let udp6 = Layers(network: .ipv6, transport: .udp).packet(Flow())
    func changed(_ octets: [UInt8], _ offset: Int, _ value: UInt8) -> [UInt8] {
      var octets = octets
      octets[offset] = value
      return octets
    }
    return [
      (udp, .complete),
      (KernelPacket.arpReply.octets, .arp),
      (Array(KernelPacket.arpReply.octets.dropLast()), .truncated),
      (changed(udp, 13, 1), .otherEtherType),
      (changed(udp, 23, 47), .otherProtocol),
      (changed(udp, 23, 58), .otherProtocol),
      (changed(udp, 23, 50), .encrypted),
      (changed(udp, 23, 59), .otherProtocol),
      (changed(udp6, 20, 59), .noNextHeader),
      (changed(udp6, 20, 50), .encrypted),
      (changed(udp6, 20, 1), .otherProtocol),
      (changed(udp, 21, 1), .laterFragment),
      (Array(udp[..<13]), .truncated),
      (changed(udp, 14, 0x44), .malformed),
      (changed(udp, 14, 0x55), .malformed),
      (changed(udp, 17, 19), .malformed),
      (changed(udp6, 14, 0x40), .malformed),
      (changed(tcp, 46, 0x40), .malformed),
      (deepTags(VLAN.maximumDepth + 1), .tooDeep),
      (deepTags(VLAN.maximumDepth), .otherEtherType),
      (Array(deepTags(3)[..<21]), .truncated),
      (deepExtensions(IPv6.maximumExtensions + 1), .tooDeep),
      (deepExtensions(IPv6.maximumExtensions), .noNextHeader),
    ]
  }

  private func deepTags(_ count: Int) -> [UInt8] {
    PacketBuilder.octets {
      $0.ethernet()
      for depth in 0..<count { $0.vlan(VLAN.Tag(UInt16(depth))) }
    }
  }

  private func deepExtensions(_ count: Int) -> [UInt8] {
    PacketBuilder.octets(capacity: 65_535) {
      $0.ethernet()
      $0.ipv6(source: host6a, destination: host6b)
      for _ in 0..<count { $0.ipv6Extension(.destinationOptions, byteCount: 2048) }
    }
  }

  @Test func aJumbogramEndsWhereTheOctetsDo() {
    let octets = PacketBuilder.octets(capacity: 80_000) {
      $0.ethernet()
      $0.ipv6(source: host6a, destination: host6b)
      $0.ipv6Extension(.hopByHop, byteCount: 8)
      $0.udp(source: 40_001, destination: 443)
      $0.payload(byteCount: 65_000)
    }
    var jumbo = octets
    jumbo[18] = 0
    jumbo[19] = 0
    #expect(dissect(jumbo).endOffset == octets.count)
    #expect(dissect(jumbo).stop == .complete)
  }

  @Test func itFitsACacheLine() {
    #expect(MemoryLayout<Dissection>.size <= 64)
  }
}
