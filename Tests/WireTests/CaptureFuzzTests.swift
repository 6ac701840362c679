// SPDX-License-Identifier: Apache-2.0

import CLinux
import Testing
import Wire

/// Hostile capture files.
///
/// Each lies against a page that nobody may read, and `WireFuzz` traps where a promise is broken, so what is found
/// ends the process: the seed was printed before.
@Suite struct CaptureFuzzTests {
  enum Hostility: CaseIterable { case random, truncated, turnedBits, words, spliced }

  @Test(arguments: Hostility.allCases)
  func nothingTraps(_ hostility: Hostility) {
    let note = "CaptureFuzzTests: \(hostility), WIRE_FUZZ_SEED=\(WireFuzzTests.seed)\n"
    _ = unsafe write(2, note, note.utf8.count)
    var random = SplitMix(seed: UInt64(WireFuzzTests.seed))
    let corpus = CaptureFuzzTests.corpus
    let memory = GuardedOctets()
    for _ in 0..<WireFuzzTests.packetCount / 10 {
      let file = corpus[random.below(corpus.count)]
      let other = corpus[random.below(corpus.count)]
      memory.reading(mutate(hostility, file, other, &random)) { WireFuzz.capture($0) }
    }
  }

  @Test func whatIsWrittenIsReadAtEveryLength() {
    let memory = GuardedOctets()
    for count in 0...1_600 {
      memory.reading((0..<count).map { UInt8(truncatingIfNeeded: $0) }) { WireFuzz.captured($0) }
    }
  }

  private static let corpus: [[UInt8]] = {
    let packets: [[UInt8]] = [Array(0..<60), [], Array(0..<15), [UInt8](repeating: 9, count: 300)]
    return [false, true].flatMap { isBigEndian in
      var old = CaptureFile(isBigEndian: isBigEndian)
      old.header()
      var new = CaptureFile(isBigEndian: isBigEndian)
      new.section()
      new.interface(options: [
        (2, Array("eth0".utf8)), (9, [0x80 | 10]), (14, [0, 0, 0, 0, 0, 0, 0, 1]),
      ])
      for packet in packets {
        old.record(packet)
        new.enhanced(
          packet, time: 1 << 40,
          options: [
            (1, Array("comment".utf8)), (2, [1, 0, 0, 0]), (7, [2, 1, 0, 0, 0, 0, 0, 0, 0]),
          ])
        new.obsolete(packet)
        new.simple(packet)
        new.block(0xBAD) { $0.append(packet) }
        new.block(5) {
          for word: UInt32 in [0, 0, 9, 8 << 16 | 5, 1, 2, 0] { $0.number(word) }
        }
      }
      new.section()
      new.interface()
      return [old.octets, new.octets]
    }
  }()

  private func mutate(
    _ hostility: Hostility, _ file: [UInt8], _ other: [UInt8], _ random: inout SplitMix
  ) -> [UInt8] {
    var octets = file
    switch hostility {
    case .random:
      octets = Array(octets.prefix(28 + random.below(64)))
      octets += (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    case .truncated: octets.removeLast(random.below(octets.count + 1))
    case .turnedBits:
      for _ in 0...random.below(8) {
        octets[random.below(octets.count)] ^= 1 << UInt8(random.below(8))
      }
    case .words:
      // Lengths and numbers stand at multiples of 4.
      let words: [[UInt8]] = [
        [0, 0, 0, 0], [255, 255, 255, 255], [0, 0, 0, 12], [12, 0, 0, 0], [0, 0, 0, 1],
        [6, 0, 0, 0], [10, 13, 13, 10], [0, 0, 0, 128], [255, 255, 0, 0], [0, 1, 0, 0],
      ]
      for _ in 0...random.below(4) {
        let place = random.below(octets.count / 4) * 4
        octets.replaceSubrange(place..<place + 4, with: words[random.below(words.count)])
      }
    case .spliced:
      octets = Array(octets.prefix(random.below(octets.count + 1)))
      octets += other.suffix(random.below(other.count + 1))
    }
    return octets
  }
}
