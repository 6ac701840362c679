// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct NumberedPacketTests {
  @Test(arguments: [60, 61, 64, 127, 1_514, 9_000])
  func aPacketReadsBackUntilOneBitOfItChanges(byteCount: Int) {
    let number = NumberedPacket(flow: 77, place: 12_345)
    var packet = number.octets(byteCount: byteCount)
    #expect(packet.count == byteCount)
    #expect(reading(packet) { NumberedPacket(verifying: $0) } == number)
    for position in stride(from: 42, to: byteCount, by: max(byteCount / 40, 1)) {
      packet[position] ^= 0x10
      #expect(reading(packet) { NumberedPacket(verifying: $0) } == nil)
      packet[position] ^= 0x10
    }
  }

  @Test func lossOrderAndDamageAreTold() {
    var check = NumberedPacketCheck()
    for place: UInt32 in [0, 1, 4, 3, 5] {
      let packet = NumberedPacket(flow: 1, place: place).octets(byteCount: 60)
      reading(packet) { check.see($0) }
    }
    reading([UInt8](repeating: 0, count: 60)) { check.see($0) }
    #expect(check.intact == 5)
    #expect(check.skipped == 2)
    #expect(check.late == 1)
    #expect(check.damaged == 1)
  }
}
