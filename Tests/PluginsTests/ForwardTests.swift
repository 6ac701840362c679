// SPDX-License-Identifier: Apache-2.0

import Syscalls
import Testing
import Wire
import XDPFrame

@testable import Plugins

@Suite struct ForwardTests {
  /// Every address of eight bits, with random prefixes, priorities and tables, against a search through all of them.
  @Test func anAddressLeadsWhereTheBestOfItsPrefixesLeads() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let prefixes = (0..<Int.random(in: 0..<20, using: &random)).map { place in
        let length = Int.random(in: 0...8, using: &random)
        let start =
          length == 0 ? 0 : UInt8.random(in: 0...255, using: &random) & (.max << (8 - length))
        let table = Int.random(in: 1...3, using: &random)
        return RouteIntervals<UInt8>.Prefix(
          start: start, length: length, rank: table << 8 | length,
          // No two are alike.
          priority: UInt32(Int.random(in: 0..<4, using: &random) * 100 + place),
          place: Int32(place))
      }
      let intervals = RouteIntervals(prefixes)
      for address in UInt8.min...UInt8.max {
        let best = prefixes.filter { $0.start <= address && address <= $0.end }.max {
          ($0.rank, $1.priority) < ($1.rank, $0.priority)
        }
        #expect(intervals.place(of: address) == best?.place ?? -1)
      }
    }
  }

  private let table = ForwardingTable(
    routes: [
      Route(to: [10, 0, 1, 0], prefixLength: 24, by: 1),
      Route(to: [10, 0, 2, 0], prefixLength: 24, by: 2),
      Route(to: [20, 0, 0, 0], prefixLength: 8, by: 2, gateway: [10, 0, 2, 9]),
      Route(to: [20, 1, 0, 0], prefixLength: 16, kind: .blackhole, by: 0),
      Route(to: [20, 2, 0, 0], prefixLength: 16, by: 2, gateway: [10, 0, 2, 77]),
      Route(to: [20, 3, 0, 0], prefixLength: 16, by: 3, gateway: [10, 0, 3, 9]),
      Route(to: [0x20, 1, 13, 0xB8] + zeros(12), prefixLength: 32, by: 1, gateway: ipv6Router),
    ],
    neighbours: [
      Neighbour([10, 0, 1, 5], at: HardwareAddress(rawValue: 0x0200_0000_0105), by: 1),
      Neighbour([10, 0, 2, 9], at: HardwareAddress(rawValue: 0x0200_0000_0209), by: 2),
      Neighbour(ipv6Router, at: HardwareAddress(rawValue: 0x0200_0000_0106), by: 1),
    ],
    links: [
      ForwardingTable.Link(index: 1, port: 11, address: MACAddress(rawValue: 0x0200_0000_0001)),
      ForwardingTable.Link(
        index: 2, port: 12, mtu: 1_000, address: MACAddress(rawValue: 0x0200_0000_0002)),
    ])

  private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
  private static let ipv6Router: [UInt8] = [0xFE, 0x80] + zeros(13) + [1]

  @Test(arguments: [
    ("10.0.1.5", 11, 0x0200_0000_0105), ("20.9.9.9", 12, 0x0200_0000_0209),
    ("10.0.2.9", 12, 0x0200_0000_0209),
  ])
  func aPacketIsAddressedToItsNextHop(to: String, port: UInt32, mac: UInt64) throws {
    let (verdict, octets, target) = try run(packet(to: to, timeToLive: 64))
    #expect(verdict == .redirect)
    #expect(target == RedirectTarget(map: 3, key: port))
    let link = try #require(ethernetHeader(of: octets))
    #expect(link.destination == MACAddress(rawValue: mac))
    #expect(link.source == MACAddress(rawValue: 0x0200_0000_0000 + UInt64(port) - 10))
    #expect(link.type == .ipv4)
    #expect(octets[22] == 63)
    #expect(ipv4Checksum(of: octets) == 0)
    #expect(octets[34...].elementsEqual(packet(to: to, timeToLive: 64)[34...]))
  }

  /// Counting down is right for every value of the two octets that share a word of the checksum.
  @Test func theChecksumStaysRight() throws {
    for timeToLive: UInt8 in 2...255 {
      let (verdict, octets, _) = try run(packet(to: "10.0.1.5", timeToLive: timeToLive))
      #expect(verdict == .redirect)
      #expect(ipv4Checksum(of: octets) == 0)
    }
  }

  @Test func ipv6IsForwardedToo() throws {
    let packet = PacketBuilder.octets { builder in
      builder.ethernet()
      builder.ipv6(source: IPv6Address(high: 1, low: 1), destination: IPv6Address("2001:db8::7")!)
      builder.udp(source: 1, destination: 2)
    }
    let (verdict, octets, target) = try run(packet)
    #expect(verdict == .redirect)
    #expect(target.key == 11)
    #expect(octets[21] == 63)
    #expect(octets[0..<6].elementsEqual([2, 0, 0, 0, 1, 6]))
  }

  @Test(arguments: [
    ("20.1.0.1", 64, 40, Verdict.drop), ("20.2.0.1", 64, 40, .pass), ("20.3.0.1", 64, 40, .pass),
    ("10.0.1.6", 64, 40, .pass), ("30.0.0.1", 64, 40, .pass), ("10.0.1.5", 1, 40, .pass),
    ("10.0.1.5", 0, 40, .pass), ("20.9.9.9", 64, 972, .redirect), ("20.9.9.9", 64, 973, .pass),
  ])
  func whatIsNotForwardedIsLeftAsItIs(
    to: String, timeToLive: UInt8, byteCount: Int, verdict: Verdict
  ) throws {
    let packet = packet(to: to, timeToLive: timeToLive, byteCount: byteCount)
    let (given, octets, _) = try run(packet)
    #expect(given == verdict)
    if verdict != .redirect { #expect(octets == packet) }
  }

  @Test func whatIsNoPlainIPIsPassed() throws {
    var options = packet(to: "10.0.1.5", timeToLive: 64)
    options[14] = 0x46
    var group = packet(to: "10.0.1.5", timeToLive: 64)
    group[0] = 1
    var tagged = packet(to: "10.0.1.5", timeToLive: 64)
    tagged[12...13] = [0x81, 0x00]
    let short = Array(packet(to: "10.0.1.5", timeToLive: 64)[..<33])
    for packet in [options, group, tagged, short, Array(short[..<14])] {
      let (verdict, octets, _) = try run(packet)
      #expect(verdict == .pass)
      #expect(octets == packet)
    }
  }

  private func packet(to: String, timeToLive: UInt8, byteCount: Int = 40) -> [UInt8] {
    PacketBuilder.octets { builder in
      builder.ethernet()
      var header = IPv4.Header(
        source: IPv4Address(10, 0, 1, 7), destination: IPv4Address(to) ?? IPv4Address(rawValue: 0))
      header.timeToLive = timeToLive
      builder.ipv4(header)
      builder.udp(source: 7, destination: 9)
      builder.payload(byteCount: byteCount)
    }
  }

  private func run(_ packet: [UInt8]) throws -> (Verdict, [UInt8], RedirectTarget) {
    try runAlone(Forward(table: table, map: 3), packet)
  }
}

/// Runs a program over one packet; answers its verdict, what it made of the packet, and where it redirects it.
func runAlone(
  _ program: any Program, _ packet: [UInt8]
) throws -> (Verdict, [UInt8], RedirectTarget) {
  let bench = try Bench(pages: 32)
  let frame = Frame(octets: packet, from: bench.pool)
  guard let frame else { throw Bench.Missing.page }
  var burst = Burst()
  burst.append(frame)
  program.run(&burst)
  let (verdict, target) = (burst.given[0], burst[0].target)
  let octets = burst.takeAnyway(at: 0).octets()
  burst.removeAll()
  bench.expectAllHome()
  return (verdict, octets, target)
}

/// The header that a packet begins with.
func ethernetHeader(of packet: [UInt8]) -> Ethernet.Header? {
  // Safe: any octets may be looked at as octets.
  Ethernet.Header(parsing: unsafe packet.span.bytes)
}

/// The header behind that.
func ipv4Header(of packet: [UInt8]) -> IPv4.Header? {
  IPv4.Header(parsing: unsafe packet.span.bytes.extracting(14..<packet.count))
}

/// The checksum over that, which is 0 when it is right.
func ipv4Checksum(of packet: [UInt8]) -> UInt16 {
  Checksum.of(unsafe packet.span.bytes.extracting(14..<34))
}
