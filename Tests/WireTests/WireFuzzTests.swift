// SPDX-License-Identifier: Apache-2.0

import CLinux
import Testing
import Wire

/// Hostile packets for every parser.
///
/// Each lies against a page that nobody may read, and `WireFuzz`
/// traps where a promise is broken, so what is found ends the process: the seed was printed before.
@Suite struct WireFuzzTests {
  /// Packets per kind of hostility; WIRE_FUZZ_PACKETS says otherwise.
  static let packetCount = number("WIRE_FUZZ_PACKETS") ?? 60_000
  /// The seed; WIRE_FUZZ_SEED repeats a run.
  static let seed = number("WIRE_FUZZ_SEED") ?? Int(UInt32.random(in: 0...UInt32.max))

  enum Hostility: CaseIterable { case random, truncated, turnedBits, lengths, spliced }

  @Test(arguments: Hostility.allCases)
  func nothingTraps(_ hostility: Hostility) {
    let note = "WireFuzzTests: \(hostility), WIRE_FUZZ_SEED=\(WireFuzzTests.seed)\n"
    _ = unsafe write(2, note, note.utf8.count)
    var random = SplitMix(seed: UInt64(WireFuzzTests.seed))
    let corpus = WireFuzzTests.corpus
    let memory = GuardedOctets()
    for count in 0..<WireFuzzTests.packetCount {
      let packet = corpus[random.below(corpus.count)]
      let other = corpus[random.below(corpus.count)]
      memory.reading(mutate(hostility, packet, other, &random)) { octets in
        WireFuzz.dissect(octets)
        WireFuzz.headers(octets)
        WireFuzz.flowHash(octets)
        // The dear ones less often.
        if count % 8 == 0 { WireFuzz.everything(octets) }
      }
    }
  }

  /// Every header of every good packet, at every length.
  @Test func nothingReadsPastAnyLength() {
    let memory = GuardedOctets()
    let packets = KernelPacket.allCases.map(\.octets)
    for packet in packets {
      for start in 0..<packet.count {
        for end in start..<packet.count {
          memory.reading(Array(packet[start..<end])) { WireFuzz.headers($0) }
        }
        memory.reading(Array(packet[..<start])) { WireFuzz.everything($0) }
      }
    }
  }

  private static let corpus: [[UInt8]] = {
    let layered = Layers.every.filter { $0.tags < 4 }.map { $0.packet(Flow()) }
    let fragments = Layers.Network.allCases.flatMap { network in
      let whole = Layers(network: network, transport: .udp, hasOptions: true).packet(Flow())
      return PacketBuilder.fragments(of: whole, payload: 16)
    }
    return layered + fragments + KernelPacket.allCases.map(\.octets)
  }()

  private static func number(_ name: String) -> Int? {
    // Safe: getenv gives a string that nobody changes while tests run.
    guard let text = unsafe getenv(name) else { return nil }
    return Int(unsafe String(cString: text))
  }

  private func mutate(
    _ hostility: Hostility, _ packet: [UInt8], _ other: [UInt8], _ random: inout SplitMix
  ) -> [UInt8] {
    var octets = packet
    switch hostility {
    case .random:
      octets = (0..<random.below(160)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // Half of them get as far as IP.
      let types: [[UInt8]] = [[0x08, 0, 0x45], [0x86, 0xdd, 0x60], [0x81, 0], [0x88, 0xa8]]
      let type = types[random.below(types.count)]
      if random.below(2) == 0, octets.count >= 15 {
        octets.replaceSubrange(12..<12 + type.count, with: type)
      }
    case .truncated:
      octets.removeLast(random.below(octets.count + 1))
    case .turnedBits:
      for _ in 0...random.below(8) {
        octets[random.below(octets.count)] ^= 1 << UInt8(random.below(8))
      }
    case .lengths:
      hostileLengths(&octets, &random)
    case .spliced:
      octets = Array(octets.prefix(random.below(octets.count + 1)))
      octets += other.suffix(random.below(other.count + 1))
    }
    return octets
  }

  /// Writes extremes where lengths, offsets and types stand, then cuts.
  private func hostileLengths(_ octets: inout [UInt8], _ random: inout SplitMix) {
    let packet = dissect(octets)
    let network = packet.networkOffset
    let transport = packet.transportOffset
    let places = [
      12, 13, network, network + 2, network + 3, network + 4, network + 5, network + 6,
      network + 7, network + 9, network + 40, network + 41, network + 42, network + 48,
      network + 49, transport, transport + 1, transport + 4, transport + 5, transport + 12,
    ]
    let values: [UInt8] = [0, 1, 4, 6, 7, 8, 17, 43, 44, 51, 58, 60, 0x40, 0x45, 0x4f, 0x60, 0xff]
    for _ in 0...random.below(4) {
      let place = places[random.below(places.count)]
      if place < octets.count { octets[place] = values[random.below(values.count)] }
    }
    if random.below(2) == 0 { octets.removeLast(random.below(octets.count)) }
  }
}
