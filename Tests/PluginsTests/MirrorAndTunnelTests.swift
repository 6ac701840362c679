// SPDX-License-Identifier: Apache-2.0

import Plugins
import Testing
import Wire
import XDPFrame

@Suite struct MirrorAndTunnelTests {
  private let client = IPv4Address(192, 0, 2, 1)
  private let server = IPv4Address(198, 51, 100, 2)

  private func segment(from source: UInt16, to destination: UInt16, minimum: Int = 60) -> [UInt8] {
    PacketBuilder.octets(minimumByteCount: minimum) { builder in
      builder.ethernet(
        source: MACAddress(rawValue: 0x0200_0000_0001),
        destination: MACAddress(rawValue: 0x0200_0000_0002))
      builder.ipv4(source: client, destination: server)
      builder.tcp(source: source, destination: destination)
      builder.payload(byteCount: 11)
    }
  }

  @Test(arguments: [(22, 40_000), (40_000, 22)] as [(UInt16, UInt16)])
  func aMirroredPacketIsRightForItsSender(source: UInt16, destination: UInt16) throws {
    let packet = segment(from: source, to: destination)
    let (verdict, octets, _) = try runAlone(Mirror(), packet)
    #expect(verdict == .transmit)
    #expect(octets[0..<6].elementsEqual(packet[6..<12]))
    #expect(octets[6..<12].elementsEqual(packet[0..<6]))
    let header = try #require(ipv4Header(of: octets))
    #expect(header.source == server)
    #expect(header.destination == client)
    #expect(ipv4Checksum(of: octets) == 0)
    // The segment's checksum covers the addresses, in either order.
    #expect(octets[34...].elementsEqual(packet[34...]))
  }

  @Test func otherPacketsAreLeftAlone() throws {
    let udp = PacketBuilder.octets(minimumByteCount: 60) { builder in
      builder.ethernet()
      builder.ipv4(source: client, destination: server)
      builder.udp(source: 22, destination: 22)
    }
    var later = segment(from: 22, to: 22)
    later[21] = 1
    for packet in [
      udp, later, segment(from: 2_222, to: 80), Array(segment(from: 22, to: 22)[..<37]),
      Array(segment(from: 22, to: 22)[..<20]),
    ] {
      let (verdict, octets, _) = try runAlone(Mirror(), packet)
      #expect(verdict == .pass)
      #expect(octets == packet)
    }
  }

  @Test func aPacketIsWrappedWholeAndSentBack() throws {
    let tunnel = Tunnel(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2))
    let packet = segment(from: 1, to: 2)
    let (verdict, octets, _) = try runAlone(tunnel, packet)
    #expect(verdict == .transmit)
    #expect(octets.count == packet.count + 20)
    #expect(octets[0..<6].elementsEqual(packet[6..<12]))
    #expect(octets[6..<12].elementsEqual(packet[0..<6]))
    #expect(octets[34...].elementsEqual(packet[14...]))
    let header = try #require(ipv4Header(of: octets))
    #expect(header.source == IPv4Address(10, 0, 0, 1))
    #expect(header.destination == IPv4Address(10, 0, 0, 2))
    #expect(header.nextProtocol == .ipInIP)
    #expect(header.totalByteCount == octets.count - 14)
    #expect(ipv4Checksum(of: octets) == 0)
  }

  @Test func ipv6IsWrappedInIPv4() throws {
    let packet = PacketBuilder.octets(minimumByteCount: 60) { builder in
      builder.ethernet()
      builder.ipv6(
        source: IPv6Address(high: 1, low: 2), destination: IPv6Address(high: 3, low: 4))
      builder.udp(source: 1, destination: 2)
    }
    let (verdict, octets, _) = try runAlone(
      Tunnel(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2)), packet)
    #expect(verdict == .transmit)
    #expect(octets[12...13].elementsEqual([0x08, 0x00]))
    #expect(octets[23] == IPProtocol.ipv6InIP.rawValue)
    #expect(octets[34...].elementsEqual(packet[14...]))
  }

  /// A jumbo frame keeps its fragments, and the outer header counts them.
  @Test(arguments: [
    (1_494, 1_500, Verdict.transmit), (1_495, 1_500, .pass), (9_000, 9_100, .transmit),
  ])
  func whatTheTunnelDoesNotTakeIsPassed(byteCount: Int, mtu: Int, verdict: Verdict) throws {
    let packet = segment(from: 1, to: 2, minimum: byteCount)
    let tunnel = Tunnel(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2), mtu: mtu)
    let (given, octets, _) = try runAlone(tunnel, packet)
    #expect(given == verdict)
    guard verdict == .transmit else { return #expect(octets == packet) }
    let header = try #require(ipv4Header(of: octets))
    #expect(header.totalByteCount == byteCount - 14 + 20)
    #expect(octets[34...].elementsEqual(packet[14...]))
  }
}
