// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// Microsoft, "Verifying the RSS Hash Calculation".
@Suite struct ToeplitzTests {
  struct Vector<Address: Sendable>: Sendable {
    let destination: Address
    let destinationPort: UInt16
    let source: Address
    let sourcePort: UInt16
    let addresses: UInt32
    let withPorts: UInt32

    init(
      _ destination: Address, _ destinationPort: UInt16, _ source: Address, _ sourcePort: UInt16,
      _ addresses: UInt32, _ withPorts: UInt32
    ) {
      self.destination = destination
      self.destinationPort = destinationPort
      self.source = source
      self.sourcePort = sourcePort
      self.addresses = addresses
      self.withPorts = withPorts
    }
  }

  static let ipv4: [Vector<String>] = [
    Vector("161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e_8fc2, 0x51cc_c178),
    Vector("65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718_262a, 0xc626_b0ea),
    Vector("12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0_a5de, 0x5c2b_394a),
    Vector("209.142.163.6", 2217, "38.27.205.30", 48228, 0x8298_9176, 0xafc7_327f),
    Vector("202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d18_09c5, 0x10e8_28a2),
  ]

  static let ipv6: [Vector<String>] = [
    Vector("3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc1_8cd5, 0x4020_7d3d),
    Vector("ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c_461c, 0xdde5_1bbf),
    Vector(
      "fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
      0x4b61_e985, 0x02d1_feef),
  ]

  @Test(arguments: ipv4) func agreesWithTheVectorsOfIPv4(_ vector: Vector<String>) throws {
    let source = try #require(IPv4Address(vector.source))
    let destination = try #require(IPv4Address(vector.destination))
    let toeplitz = Toeplitz()
    let addresses = toeplitz.hash(source: source, destination: destination)
    #expect(addresses == vector.addresses)
    let hash = toeplitz.hash(
      source: source, destination: destination, sourcePort: vector.sourcePort,
      destinationPort: vector.destinationPort)
    #expect(hash == vector.withPorts)
    let frame = PacketBuilder.octets {
      $0.ethernet()
      $0.ipv4(source: source, destination: destination)
      $0.tcp(source: vector.sourcePort, destination: vector.destinationPort)
    }
    let dissected = toeplitz.hash(dissect(frame))
    #expect(dissected == vector.withPorts)
  }

  @Test(arguments: ipv6) func agreesWithTheVectorsOfIPv6(_ vector: Vector<String>) throws {
    let source = try #require(IPv6Address(vector.source))
    let destination = try #require(IPv6Address(vector.destination))
    let toeplitz = Toeplitz()
    let addresses = toeplitz.hash(source: source, destination: destination)
    #expect(addresses == vector.addresses)
    let hash = toeplitz.hash(
      source: source, destination: destination, sourcePort: vector.sourcePort,
      destinationPort: vector.destinationPort)
    #expect(hash == vector.withPorts)
    let frame = PacketBuilder.octets {
      $0.ethernet()
      $0.ipv6(source: source, destination: destination)
      $0.tcp(source: vector.sourcePort, destination: vector.destinationPort)
    }
    let dissected = toeplitz.hash(dissect(frame))
    #expect(dissected == vector.withPorts)
  }

  @Test(arguments: Layers.every) func theSymmetricKeyIsSymmetric(_ layers: Layers) {
    let symmetric = Toeplitz(key: Toeplitz.symmetricKey)
    let ordinary = Toeplitz()
    var random = SplitMix(seed: 0x6d5a)
    for _ in 0..<20 {
      let flow = Flow(random: &random)
      let forth = dissect(layers.packet(flow))
      let back = dissect(layers.packet(flow.reversed))
      let values = (symmetric.hash(forth), symmetric.hash(back))
      #expect(values.0 == values.1)
      let ordinaryValues = (ordinary.hash(forth), ordinary.hash(back))
      #expect(ordinaryValues.0 != ordinaryValues.1)
    }
  }

  @Test func fragmentsHashOnAddresses() {
    let flow = Flow()
    let toeplitz = Toeplitz()
    let addresses = toeplitz.hash(source: flow.source4, destination: flow.destination4)
    for isFragment in [false, true] {
      let packet = Layers(network: .ipv4, transport: .udp, isFragment: isFragment).packet(flow)
      let hash = toeplitz.hash(dissect(packet))
      #expect((hash == addresses) == isFragment)
    }
  }

  @Test func otherFramesHashToZero() {
    let hash = Toeplitz().hash(dissect(KernelPacket.arpReply.octets))
    #expect(hash == 0)
  }

  @Test func aShortKeyIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = Toeplitz(key: [UInt8](repeating: 1, count: 39))
    }
  }
}
