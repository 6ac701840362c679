// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// What is written is what the format says, and can be read.
@Suite struct PCAPNGTests {
  @Test func aSectionAndAnInterfaceAreWrittenAsTheFormatSays() {
    #expect(
      PCAPNG.sectionHeader(application: "x")
        == hex(
          """
          0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0100 78000000 00000000
          28000000
          """))
    #expect(
      PCAPNG.interface(name: "wan")
        == hex(
          """
          01000000 28000000 0100 0000 00000000 0200 0300 77616e00 0900 0100 09000000 00000000
          28000000
          """))
  }

  @Test func aPacketIsWrittenAsTheFormatSays() {
    var packet = PCAPNG.Packet(interface: 1, time: 0x1_0000_0002, byteCount: 5)
    packet.direction = .sent
    packet.packetID = 9
    packet.queue = 3
    packet.dropCount = 4
    packet.verdicts = [1]
    packet.comment = "why"
    #expect(
      octets(of: packet, [1, 2, 3, 4, 5])
        == hex(
          """
          06000000 6c000000 01000000 01000000 02000000 05000000 05000000 0102030405000000
          0100 0300 77687900  0200 0400 02000000  0400 0800 0400000000000000
          0500 0800 0900000000000000  0600 0400 03000000
          0700 0900 020100000000000000000000  00000000 6c000000
          """))
  }

  @Test func aPacketThatSaysNothingHasNoOptions() {
    let packet = PCAPNG.Packet(interface: 0, time: 0, byteCount: 0)
    #expect(packet.byteCount == 32)
    #expect(octets(of: packet, []).count == 32)
  }

  @Test func whatIsWrittenIsRead() {
    var packet = PCAPNG.Packet(interface: 0, time: 1_234_567_890_123_456_789, byteCount: 3)
    packet.originalByteCount = 9_000
    packet.direction = .received
    packet.verdicts = [4, 1]
    packet.comment = "port=wan verdict=redirect"
    let file =
      PCAPNG.sectionHeader(application: "test") + PCAPNG.interface(name: "wan")
      + octets(of: packet, [7, 8, 9])
      + PCAPNG.statistics(
        interface: 0, time: 5, received: 10, dropped: 4, delivered: 6, comment: "prog_drop 4")
    let read = ReadCapture(file)
    #expect(read.error == nil)
    #expect(read.interfaces.map(\.name) == ["wan"])
    #expect(
      read.packets == [
        .init(
          octets: [7, 8, 9], time: 1_234_567_890_123_456_789, direction: .received, original: 9_000)
      ])
    #expect(read.details.map(\.verdicts) == [[4, 1]])
    #expect(read.details.map(\.comments) == [["port=wan verdict=redirect"]])
    var counts = CaptureDetails()
    counts.comments = ["prog_drop 4"]
    (counts.received, counts.dropped, counts.delivered) = (10, 4, 6)
    #expect(read.statistics == [counts])
  }

  @Test func aCommentThatIsTooLongIsCut() {
    var packet = PCAPNG.Packet(interface: 0, time: 0, byteCount: 0)
    packet.comment = String(repeating: "c", count: 70_000)
    let file =
      PCAPNG.sectionHeader(application: "test") + PCAPNG.interface(name: "wan")
      + octets(of: packet, [])
    #expect(ReadCapture(file).details.map(\.comments) == [[String(repeating: "c", count: 65_535)]])
  }

  private func octets(of packet: PCAPNG.Packet, _ payload: [UInt8]) -> [UInt8] {
    var block = [UInt8](repeating: 0xEE, count: packet.byteCount)
    let written = unsafe block.withUnsafeMutableBytes { memory in
      unsafe packet.write(into: memory) { target in
        unsafe payload.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
      }
    }
    #expect(written == block.count)
    return block
  }
}
