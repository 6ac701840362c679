// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct DissectionTests {
  private func dissect(_ packet: [UInt8]) -> Dissection {
    reading(packet) { Dissection(parsing: $0) }
  }

  @Test func findsEveryLayerOfAVLANTaggedTCPPacket() throws {
    let packet = hex(
      """
      020000000002 020000000001 8100 0064 8100 0065 0800
      4500 0028 0001 4000 4006 0000 c0a80001 c0a80002
      1f90 01bb 00000001 00000000 5002 ffff 0000 0000
      """)
    let dissection = dissect(packet)
    #expect(dissection.tagCount == 2)
    #expect(dissection.network == .ipv4)
    #expect(dissection.networkOffset == 22)
    #expect(dissection.transport == .tcp)
    #expect(dissection.transportOffset == 42)
    #expect(dissection.payloadOffset == 62)
    #expect(dissection.sourceIPv4 == IPv4Address("192.168.0.1"))
    #expect(dissection.destinationIPv4 == IPv4Address("192.168.0.2"))
    #expect(dissection.sourcePort == 8_080)
    #expect(dissection.destinationPort == 443)
    #expect(!dissection.isFragment)
  }

  @Test func aFragmentHasNoPorts() {
    let packet = hex(
      """
      020000000002 020000000001 0800
      4500 0024 0001 2001 4011 0000 c0a80001 c0a80002 0102030405060708 090a0b0c0d0e0f10
      """)
    let dissection = dissect(packet)
    #expect(dissection.isFragment)
    #expect(!dissection.hasPorts)
  }

  @Test func aPacketCutAnywhereIsReadWithinItsOctets() {
    let packet = PacketBuilder.octets {
      $0.ethernet(
        source: MACAddress(2, 0, 0, 0, 0, 1), destination: MACAddress(2, 0, 0, 0, 0, 2))
      $0.ipv6(
        source: IPv6Address(high: 1, low: 1), destination: IPv6Address(high: 1, low: 2))
      $0.udp(source: 1, destination: 2)
      $0.payload(byteCount: 40)
    }
    for count in 0...packet.count {
      let dissection = dissect(Array(packet[..<count]))
      #expect(dissection.endOffset <= count)
      #expect(dissection.networkOffset <= count)
      #expect(dissection.transportOffset <= count)
    }
  }

  /// Random, cut and damaged packets through every parser; a trap is a failure, and the seed repeats it.
  @Test func nothingThatAnybodySendsTrapsAParser() {
    let seed: UInt64 = 0x5EED_0001
    var random = SplitMix(seed: seed)
    let good = (0..<64).map { flow in
      NumberedPacket(flow: UInt32(flow), place: 7).octets(byteCount: 60 + flow * 3)
    }
    for round in 0..<20_000 {
      var packet: [UInt8]
      if round % 4 == 0 {
        packet = (0..<random.below(160)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      } else {
        packet = good[random.below(good.count)]
        packet.removeLast(random.below(packet.count))
        for _ in 0..<(1 + random.below(4)) where !packet.isEmpty {
          packet[random.below(packet.count)] = UInt8(truncatingIfNeeded: random.next())
        }
        if packet.count > 14, round % 3 == 0 {
          let types: [[UInt8]] = [
            [0x08, 0x00], [0x86, 0xdd], [0x81, 0x00], [0x88, 0xa8], [0x08, 0x06],
          ]
          packet.replaceSubrange(12..<14, with: types[random.below(types.count)])
        }
      }
      reading(packet) { WireFuzz.everything($0) }
      let dissection = dissect(packet)
      if dissection.endOffset > packet.count {
        Issue.record("Seed \(seed), round \(round): the end lies outside the packet.")
        return
      }
    }
  }
}
