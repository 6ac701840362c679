// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// The verification suite that Microsoft publishes for receive-side scaling.
@Suite struct ToeplitzTests {
  struct Vector: Sendable, CustomTestStringConvertible {
    let destination: (String, UInt16)
    let source: (String, UInt16)
    let addresses: UInt32
    let withPorts: UInt32
    var testDescription: String { "\(source.0) to \(destination.0)" }
  }

  static let ipv4 = [
    Vector(
      destination: ("161.142.100.80", 1_766), source: ("66.9.149.187", 2_794),
      addresses: 0x323e_8fc2, withPorts: 0x51cc_c178),
    Vector(
      destination: ("65.69.140.83", 4_739), source: ("199.92.111.2", 14_230),
      addresses: 0xd718_262a, withPorts: 0xc626_b0ea),
    Vector(
      destination: ("12.22.207.184", 38_024), source: ("24.19.198.95", 12_898),
      addresses: 0xd2d0_a5de, withPorts: 0x5c2b_394a),
    Vector(
      destination: ("209.142.163.6", 2_217), source: ("38.27.205.30", 48_228),
      addresses: 0x8298_9176, withPorts: 0xafc7_327f),
    Vector(
      destination: ("202.188.127.2", 1_303), source: ("153.39.163.191", 44_251),
      addresses: 0x5d18_09c5, withPorts: 0x10e8_28a2),
  ]

  static let ipv6 = [
    Vector(
      destination: ("3ffe:2501:200:3::1", 1_766), source: ("3ffe:2501:200:1fff::7", 2_794),
      addresses: 0x2cc1_8cd5, withPorts: 0x4020_7d3d),
    Vector(
      destination: ("ff02::1", 4_739), source: ("3ffe:501:8::260:97ff:fe40:efab", 14_230),
      addresses: 0x0f0c_461c, withPorts: 0xdde5_1bbf),
    Vector(
      destination: ("fe80::200:f8ff:fe21:67cf", 38_024),
      source: ("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44_251),
      addresses: 0x4b61_e985, withPorts: 0x02d1_feef),
  ]

  @Test(arguments: ipv4) func hashesIPv4AsPublished(vector: Vector) throws {
    let source = try #require(IPv4Address(vector.source.0))
    let destination = try #require(IPv4Address(vector.destination.0))
    let toeplitz = Toeplitz()
    let addresses = toeplitz.hash(source: source, destination: destination)
    let withPorts = toeplitz.hash(
      source: source, destination: destination, sourcePort: vector.source.1,
      destinationPort: vector.destination.1)
    #expect(addresses == vector.addresses)
    #expect(withPorts == vector.withPorts)
  }

  @Test(arguments: ipv6) func hashesIPv6AsPublished(vector: Vector) throws {
    let source = try #require(IPv6Address(vector.source.0))
    let destination = try #require(IPv6Address(vector.destination.0))
    let toeplitz = Toeplitz()
    let addresses = toeplitz.hash(source: source, destination: destination)
    let withPorts = toeplitz.hash(
      source: source, destination: destination, sourcePort: vector.source.1,
      destinationPort: vector.destination.1)
    #expect(addresses == vector.addresses)
    #expect(withPorts == vector.withPorts)
  }

  @Test func theKeyOfPeriodSixteenIsSymmetric() throws {
    let toeplitz = Toeplitz(key: Toeplitz.symmetricKey)
    let a = try #require(IPv4Address("10.1.2.3"))
    let b = try #require(IPv4Address("192.168.77.5"))
    let there = toeplitz.hash(source: a, destination: b, sourcePort: 1_234, destinationPort: 80)
    let back = toeplitz.hash(source: b, destination: a, sourcePort: 80, destinationPort: 1_234)
    #expect(there == back)
  }
}
