// SPDX-License-Identifier: Apache-2.0

/// Packets as filters look at them: few addresses and ports, every protocol, any length, some torn.
struct RandomPacket {
  let octets: [UInt8]

  /// Addresses, as octets in the order of the wire, that packets and seeds of maps are drawn from.
  static func hardwareAddress(_ number: UInt8) -> [UInt8] { [2, 0, 0, 0, 0, number & 7] }
  static func address4(_ number: UInt8) -> [UInt8] { [10, 0, 0, number & 7] }
  static func address6(_ number: UInt8) -> [UInt8] {
    [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [number & 7]
  }
  static func port(_ number: UInt8) -> [UInt8] { [0, number & 15] }

  init(_ random: inout SeededGenerator) {
    let byteCount = Int.random(in: 14...9000, using: &random)
    var octets = RandomPacket.headers(&random)
    while octets.count < byteCount, octets.count < 200 {
      octets.append(.random(in: 0 ... .max, using: &random))
    }
    let filler = UInt8.random(in: 0 ... .max, using: &random)
    octets += [UInt8](repeating: filler, count: max(0, byteCount - octets.count))
    // One in ten ends in the middle of its headers.
    let end =
      Int.random(in: 0..<10, using: &random) == 0
      ? Int.random(in: 14...80, using: &random) : byteCount
    self.octets = Array(octets.prefix(min(end, byteCount)))
  }

  private static func headers(_ random: inout SeededGenerator) -> [UInt8] {
    func number() -> UInt8 { .random(in: 0 ... .max, using: &random) }
    var octets = hardwareAddress(number()) + hardwareAddress(number())
    for _ in 0..<[0, 0, 0, 1, 2, 3].randomElement(using: &random)! {
      octets += (number() & 1 == 0 ? [0x81, 0x00] : [0x88, 0xa8]) + [0, number() & 3]
    }
    let transport: UInt8 = [6, 17, 1, 58, 132].randomElement(using: &random)!
    switch Int.random(in: 0..<8, using: &random) {
    case 0..<4:
      octets += [0x08, 0x00, number() & 7 == 0 ? 0x46 : 0x45, 0, number(), number(), 0, 0, 0, 0]
      octets += [64, transport, 0, 0] + address4(number()) + address4(number())
    case 4..<7:
      octets += [0x86, 0xdd, 0x60, 0, 0, 0, number(), number(), transport, 64]
      octets += address6(number()) + address6(number())
    default: return octets + [number(), number()]
    }
    return octets + port(number()) + port(number()) + [0, 0, 0, 0, 0, 0, 0, 0, 0x50, number()]
  }
}
