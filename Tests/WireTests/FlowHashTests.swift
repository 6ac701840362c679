// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct FlowHashTests {
  @Test(arguments: Layers.every)
  func bothDirectionsHashAlike(_ layers: Layers) {
    var random = SplitMix(seed: 5)
    for _ in 0..<20 {
      let flow = Flow(random: &random)
      let forth = flowHash(layers.packet(flow))
      let back = flowHash(layers.packet(flow.reversed))
      #expect(forth == back)
    }
  }

  @Test(arguments: Layers.every)
  func tagsAndOptionsDoNotChangeTheFlow(_ layers: Layers) {
    var plain = layers
    plain.tags = 0
    plain.hasOptions = false
    let flow = Flow()
    let expected = flowHash(plain.packet(flow))
    #expect(flowHash(layers.packet(flow)) == expected)
  }

  @Test(arguments: Layers.every)
  func eachPartOfTheKeyCounts(_ layers: Layers) {
    let flow = Flow()
    let hash = flowHash(layers.packet(flow))
    var other = flow
    other.source4 = IPv4Address(rawValue: flow.source4.rawValue ^ 1)
    other.source6 = IPv6Address(high: flow.source6.high, low: flow.source6.low ^ 1)
    #expect(flowHash(layers.packet(other)) != hash)
    for port in [flow.sourcePort, flow.destinationPort] {
      other = flow
      if port == flow.sourcePort { other.sourcePort ^= 1 } else { other.destinationPort ^= 1 }
      let changed = flowHash(layers.packet(other)) != hash
      #expect(changed == (layers.transport != .icmp && !layers.isFragment))
    }
  }

  @Test func theSeedChangesTheHash() {
    let packet = Layers(network: .ipv4, transport: .udp).packet(Flow())
    let hashes = Set((0..<100).map { flowHash(packet, seed: $0) })
    #expect(hashes.count == 100)
  }

  @Test func otherFramesHashOnStationsAndType() {
    func frame(_ a: MACAddress, _ b: MACAddress, _ type: UInt16) -> [UInt8] {
      PacketBuilder.octets {
        $0.ethernet(source: a, destination: b, type: EtherType(rawValue: type))
        $0.payload(byteCount: 46)
      }
    }
    let hash = flowHash(frame(station1, station2, 0x88b5))
    #expect(flowHash(frame(station2, station1, 0x88b5)) == hash)
    #expect(flowHash(frame(station2, station1, 0x88b6)) != hash)
    #expect(flowHash(frame(station2, station2, 0x88b5)) != hash)
    #expect(flowHash([UInt8](repeating: 1, count: 13)) == 0)
  }

  /// No bucket count between 2 and 64 is served badly, whether its index is taken from the low bits
  /// or the high ones.
  @Test(arguments: Pattern.allCases)
  func spreadsFlowsEvenly(_ pattern: Pattern) {
    let hashes = pattern.hashes
    for entries in 2...64 {
      var remainders = [Int](repeating: 0, count: entries)
      var products = [Int](repeating: 0, count: entries)
      let divisor = UInt32(entries)
      for hash in hashes {
        remainders[Int(hash % divisor)] &+= 1
        products[Int(hash.multipliedFullWidth(by: divisor).high)] &+= 1
      }
      // Beyond 5 standard deviations: once in three million draws of a perfect hash.
      #expect(chiSquareExcess(remainders) < 5, "\(pattern), \(entries) entries, low bits")
      #expect(chiSquareExcess(products) < 5, "\(pattern), \(entries) entries, high bits")
    }
  }

  @Test func everyBitOfTheKeyTurnsHalfTheHash() {
    var random = SplitMix(seed: 3)
    let draws = 2000
    for bit in 0..<96 {
      var turned = [Int](repeating: 0, count: 32)
      for _ in 0..<draws {
        var octets = Layers(network: .ipv4, transport: .udp).packet(Flow(random: &random))
        let before = flowHash(octets)
        octets[26 + bit / 8] ^= 1 << UInt8(bit % 8)
        let change = before ^ flowHash(octets)
        for place in 0..<32 where change >> UInt32(place) & 1 == 1 { turned[place] += 1 }
      }
      // Five standard deviations of a fair coin.
      let slack = Int(5 * (Double(draws) / 4).squareRoot())
      #expect(turned.allSatisfy { abs($0 - draws / 2) < slack }, "bit \(bit)")
    }
  }

  /// How many standard deviations the chi-square statistic lies above its mean, its cube root taken
  /// as normal (Wilson and Hilferty, 1931).
  private func chiSquareExcess(_ counts: [Int]) -> Double {
    let expected = Double(counts.reduce(0, +)) / Double(counts.count)
    let square = counts.reduce(0) {
      let excess = Double($1) - expected
      return $0 + excess * excess / expected
    }
    let freedom = Double(counts.count - 1)
    let spread = 2 / (9 * freedom)
    return (cubeRoot(square / freedom) - (1 - spread)) / spread.squareRoot()
  }

  private func cubeRoot(_ value: Double) -> Double {
    guard value > 0 else { return 0 }
    var root = max(value, 1)
    for _ in 0..<80 { root -= (root * root * root - value) / (3 * root * root) }
    return root
  }
}

/// 65,536 flows as they come in practice.
enum Pattern: CaseIterable, CustomTestStringConvertible {
  case sourcePorts, destinationPorts, bothPorts, sourceAddresses, destinationAddresses
  case bothAddresses, networks, clients, random, ipv6Hosts, ipv6Networks

  var testDescription: String { "\(self)" }

  var hashes: [UInt32] {
    let is6 = self == .ipv6Hosts || self == .ipv6Networks
    var octets = Layers(network: is6 ? .ipv6 : .ipv4, transport: .udp).packet(Flow())
    var random = SplitMix(seed: 64)
    return (0..<65536).map { flow in
      write(UInt64(flow), &octets, &random)
      return flowHash(octets)
    }
  }

  private func write(_ flow: UInt64, _ octets: inout [UInt8], _ random: inout SplitMix) {
    func put(_ value: UInt64, at offset: Int, count: Int = 2) {
      for place in 0..<count {
        octets[offset + place] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - place)))
      }
    }
    switch self {
    case .sourcePorts: put(flow, at: 34)
    case .destinationPorts: put(flow, at: 36)
    case .bothPorts: put(flow << 16 | flow, at: 34, count: 4)
    case .sourceAddresses: put(flow, at: 28)
    case .destinationAddresses: put(flow, at: 32)
    case .bothAddresses:
      put(flow, at: 28)
      put(flow, at: 32)
    case .networks: put(flow, at: 27)
    case .clients:
      put(flow >> 6, at: 28)
      put(32768 + 2 * (flow & 63), at: 34)
    case .random: put(random.next(), at: 26, count: 8)
    case .ipv6Hosts: put(flow, at: 14 + 8 + 14)
    case .ipv6Networks: put(flow, at: 14 + 8 + 6)
    }
  }
}
