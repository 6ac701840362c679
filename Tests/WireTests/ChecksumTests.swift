// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct ChecksumTests {
  /// RFC 1071, section 3.
  @Test func sumsTheExampleOfRFC1071() {
    var checksum = Checksum()
    checksum.add(octets: hex("0001 f203 f4f5 f6f7"))
    #expect(checksum.partial == 0xddf2)
    #expect(checksum.value == ~0xddf2)
  }

  /// RFC 1624, section 4: the older equation gives 0xffff here.
  @Test func updatesTheExampleOfRFC1624() {
    #expect(Checksum.updated(0xdd2f, replacing: 0x5555 as UInt16, by: 0x3285) == 0x0000)
  }

  @Test func knowsAHeaderFromTheField() {
    let header = hex("45000073 00004000 4011b861 c0a80001 c0a800c7")
    #expect(checksum(header) == 0)
    var cleared = header
    cleared[10] = 0
    cleared[11] = 0
    #expect(checksum(cleared) == 0xb861)
  }

  @Test func agreesWithTheDefinitionAtEveryLengthAndAlignment() {
    var random = SplitMix(seed: 1071)
    let octets = (0..<192).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for start in 0..<16 {
      for count in 0...(octets.count - start) {
        let slice = octets[start..<start + count]
        #expect(checksum(slice) == definition(Array(slice)))
      }
    }
  }

  @Test func keepsEveryCarry() {
    for count in [1, 2, 3, 1499, 1500, 9000, 65535] {
      let octets = [UInt8](repeating: 0xff, count: count)
      #expect(checksum(octets) == definition(octets))
    }
  }

  @Test func sumsPiecesOfAnyLengthLikeTheWhole() {
    var random = SplitMix(seed: 7)
    for _ in 0..<2000 {
      let octets = (0..<random.below(600)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      var checksum = Checksum()
      var start = 0
      while start < octets.count {
        let count = 1 + random.below(octets.count - start)
        checksum.add(octets: octets[start..<start + count])
        start += count
      }
      #expect(checksum.value == definition(octets))
    }
  }

  @Test func updatesLikeSummingAnew() {
    var random = SplitMix(seed: 1624)
    for _ in 0..<20_000 {
      var octets = (0..<40).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let before = checksum(octets)
      let at = 2 * random.below(18)
      let old =
        UInt32(octets[at]) << 24 | UInt32(octets[at + 1]) << 16
        | UInt32(octets[at + 2]) << 8 | UInt32(octets[at + 3])
      let new = UInt32(truncatingIfNeeded: random.next())
      for place in 0..<4 {
        octets[at + place] = UInt8(truncatingIfNeeded: new >> UInt32(24 - 8 * place))
      }
      #expect(Checksum.updated(before, replacing: old, by: new) == definition(octets))
    }
  }

  @Test func sparesUDPTheValueThatSaysNone() {
    var checksum = Checksum()
    checksum.add(0xffff as UInt16)
    #expect(checksum.value == 0)
    #expect(checksum.valueForUDP == 0xffff)
  }

  /// RFC 1071, section 1, in the dullest way.
  private func definition(_ octets: [UInt8]) -> UInt16 {
    var sum: UInt64 = 0
    for (offset, octet) in octets.enumerated() {
      sum += offset % 2 == 0 ? UInt64(octet) << 8 : UInt64(octet)
    }
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    return ~UInt16(sum)
  }
}
