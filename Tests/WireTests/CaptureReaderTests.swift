// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// Capture files of every kind, and what is wrong with those that are wrong.
@Suite struct CaptureReaderTests {
  private let first: [UInt8] = (0..<61).map { UInt8($0) }
  private let second: [UInt8] = (0..<14).map { UInt8($0 ^ 0xFF) }

  @Test(arguments: [false, true], [(0xA1B2_C3D4, 2_000), (0xA1B2_3C4D, 2)] as [(UInt32, UInt64)])
  func aPcapFileIsReadInBothOrdersAndUnits(isBigEndian: Bool, magic: (UInt32, UInt64)) {
    var file = CaptureFile(isBigEndian: isBigEndian)
    file.header(magic: magic.0)
    file.record(first, seconds: 1, fraction: 2)
    file.record(second, seconds: .max, fraction: 999, original: 1_500)
    let read = ReadCapture(file.octets)
    #expect(read.error == nil)
    #expect(read.interfaces.map(\.linkType) == [1])
    let unit = magic.1 / 2
    #expect(
      read.packets == [
        .init(octets: first, time: 1_000_000_000 + magic.1),
        .init(octets: second, time: 4_294_967_295_000_000_000 + 999 * unit, original: 1_500),
      ])
  }

  @Test(arguments: [false, true])
  func aPcapngFileIsReadInBothOrders(isBigEndian: Bool) {
    var file = CaptureFile(isBigEndian: isBigEndian)
    file.section()
    file.interface(options: [(2, Array("eth0".utf8)), (9, [9])])
    file.interface(link: 101, snap: 20)
    file.enhanced(first, time: 77)
    file.enhanced(second, interface: 1, time: 5, original: 99)
    file.obsolete(second, interface: 1, time: 6)
    file.simple(first)
    file.block(0x8000_1234) { $0.append([1, 2, 3]) }
    file.block(4) { _ in }
    let read = ReadCapture(file.octets)
    #expect(read.error == nil)
    #expect(read.interfaces.map(\.name) == ["eth0", ""])
    #expect(read.interfaces.map(\.linkType) == [1, 101])
    #expect(
      read.packets == [
        .init(octets: first, time: 77),
        .init(octets: second, time: 5_000, interface: 1, original: 99),
        .init(octets: second, time: 6_000, interface: 1),
        .init(octets: first, time: nil),
      ])
  }

  @Test func aSectionMayHaveAnotherOrderAndDescribesItsOwnInterfaces() {
    var file = CaptureFile()
    file.section()
    file.interface()
    file.enhanced(first)
    var other = CaptureFile(isBigEndian: true)
    other.section()
    other.interface(options: [(2, Array("b".utf8))])
    other.enhanced(second)
    let read = ReadCapture(file.octets + other.octets)
    #expect(read.error == nil)
    #expect(read.packets.map(\.octets) == [first, second])
    #expect(read.interfaces.map(\.name) == ["b"])
  }

  @Test(
    arguments: [
      // Resolution, offset in seconds, timestamp, nanoseconds.
      (6, 0, 5, 5_000), (0, 0, 5, 5_000_000_000), (9, 0, 5, 5), (12, 0, 5_999, 5),
      (29, 0, .max, 0), (127, 0, .max, 0), (0x80, 0, 3, 3_000_000_000),
      (0x81, 0, 3, 1_500_000_000), (0xA0, 0, 1 << 32, 1_000_000_000),
      (0xC0, 0, 1 << 63, 500_000_000), (0xFF, 0, .max, 0), (0, 0, .max, .max),
      (0x80, 0, .max, .max),
      (9, 2, 5, 2_000_000_005), (9, -1, 5, 0), (9, -1, 1_000_000_007, 7), (9, .max, 5, .max),
      (9, .min, 5, 0),
    ] as [(UInt8, Int64, UInt64, UInt64)])
  func everyUnitOfTimeIsUnderstood(unit: UInt8, offset: Int64, stamp: UInt64, expected: UInt64) {
    var number = CaptureFile()
    number.number(offset)
    var file = CaptureFile()
    file.section()
    file.interface(options: [(9, [unit]), (14, number.octets)])
    file.enhanced(first, time: stamp)
    #expect(ReadCapture(file.octets).packets.map(\.time) == [expected])
  }

  @Test func aSimplePacketIsAsLongAsItsInterfaceKeeps() {
    var file = CaptureFile()
    file.section()
    file.interface(snap: 14)
    file.simple(second, original: 900)
    let read = ReadCapture(file.octets)
    #expect(read.packets == [.init(octets: second, time: nil, original: 900)])
  }

  @Test(arguments: CapturedPacket.Direction.allDirections)
  func aPacketSaysWhichWayItWent(direction: CapturedPacket.Direction) {
    var file = CaptureFile()
    file.section()
    file.interface()
    file.enhanced(first, options: [(2, [direction.rawValue | 0xF0, 0, 0, 0])])
    #expect(ReadCapture(file.octets).packets.map(\.direction) == [direction])
  }

  @Test func optionsOfAPacketThatMakeNoSenseSayNothing() {
    var file = CaptureFile()
    file.section()
    file.interface()
    file.block(6) {
      for word: UInt32 in [0, 0, 0, 4, 4, 0x0403_0201] { $0.number(word) }
      // A comment that claims 200 octets.
      $0.number(UInt16(1))
      $0.number(UInt16(200))
    }
    let read = ReadCapture(file.octets)
    #expect(read.error == nil)
    #expect(read.packets.map(\.octets) == [[1, 2, 3, 4]])
    #expect(read.details == [CaptureDetails()])
  }

  /// Cut anywhere, a file gives every packet that is whole, then says where and why it ends.
  @Test(arguments: ["pcap", "pcapng"])
  func aTruncatedFileGivesWhatIsComplete(format: String) throws {
    var file = CaptureFile()
    if format == "pcap" { file.header() } else { file.section() }
    if format == "pcapng" { file.interface() }
    var ends = [file.octets.count]
    for packet in [first, second, first] {
      if format == "pcap" { file.record(packet) } else { file.enhanced(packet) }
      ends.append(file.octets.count)
    }
    for count in 0..<file.octets.count {
      let read = ReadCapture(Array(file.octets[..<count]))
      #expect(read.packets.count == max(0, ends.count { $0 <= count } - 1))
      let isWhole = ends.contains(count) || format == "pcapng" && count == 28
      let whole = ([0, format == "pcapng" ? 28 : 0] + ends).filter { $0 <= count }.max() ?? 0
      guard case .truncated(let needed, let left)? = read.error?.reason else {
        #expect(isWhole, "\(count) octets")
        continue
      }
      #expect(!isWhole)
      #expect(read.error?.offset == UInt64(whole))
      #expect(left == count - whole)
      #expect(needed > left)
    }
  }

  @Test func theWayAFileComesInDoesNotMatter() {
    var file = CaptureFile(isBigEndian: true)
    file.section()
    file.interface()
    for count in [0, 1, 60, 61, 1_500] {
      file.enhanced([UInt8](repeating: UInt8(count & 0xFF), count: count))
    }
    let whole = ReadCapture(file.octets).packets
    #expect(whole.count == 5)
    for count in [1, 2, 3, 7, 11, 64, 1_000] {
      #expect(ReadCapture(file.octets, atOnce: count).packets == whole)
    }
  }

  @Test func everyFaultIsNamedWithItsPlace() {
    expect(.notACapture(0x4D5A_9000), at: 0, of: [0x4D, 0x5A, 0x90, 0])
    expect(.notACapture(0x1F8B_0800), at: 0, of: [0x1F, 0x8B, 8, 0])
    expect(.version(major: 3, minor: 4), at: 0) { $0.header(major: 3) }
    expect(.version(major: 2, minor: 2), at: 0) { $0.header(minor: 2) }
    expect(.version(major: 2, minor: 0), at: 0) { $0.section(major: 2) }
    expect(.packetLength(262_145, room: 262_144), at: 24) {
      $0.header()
      for word: UInt32 in [0, 0, 262_145, 262_145] { $0.number(word) }
    }
    expect(.byteOrder(1 << 24), at: 0) {
      $0.block(0x0A0D_0D0A) { for _ in 0..<4 { $0.number(UInt32(1)) } }
    }
    expect(.noInterface(3), at: 48) {
      $0.section()
      $0.interface()
      $0.enhanced([1], interface: 3)
    }
    expect(.noInterface(0), at: 28) {
      $0.section()
      $0.simple([1])
    }
    expect(.packetLength(9, room: 4), at: 48) {
      $0.section()
      $0.interface()
      $0.enhanced([1], captured: 9)
    }
    expect(.optionLength(999), at: 28) {
      $0.section()
      $0.block(1) { for word: UInt32 in [1, 0, 999 << 16 | 2] { $0.number(word) } }
    }
    for length: UInt32 in [0, 8, 11, 13, 16 << 20 + 4, .max] {
      expect(.blockLength(length), at: 28) {
        $0.section()
        for word: UInt32 in [77, length] { $0.number(word) }
      }
    }
    expect(.blockLength(28), at: 28) {
      $0.section()
      $0.block(6) { for _ in 0..<4 { $0.number(UInt32(0)) } }
    }
    expect(.lengthsDiffer(first: 12, last: 16), at: 28) {
      $0.section()
      for word: UInt32 in [77, 12, 16] { $0.number(word) }
    }
    expect(.truncated(needed: 4, left: 0), at: 0, of: [])
    expect(.tooManyInterfaces, at: 28 + 4_096 * 20) {
      $0.section()
      for _ in 0...4_096 { $0.interface() }
    }
  }

  @Test func anErrorReadsAsASentence() {
    #expect(
      CaptureError(.truncated(needed: 76, left: 12), at: 48).description
        == "offset 48: the file ends here: 76 octets are needed and 12 are left")
    #expect(
      CaptureError(.notACapture(0x1F8B_0800), at: 0).description
        == "offset 0: this is compressed with gzip; unpack it first")
  }

  private func expect(
    _ reason: CaptureError.Reason, at offset: UInt64,
    sourceLocation: SourceLocation = #_sourceLocation, _ write: (inout CaptureFile) -> Void
  ) {
    var file = CaptureFile()
    write(&file)
    expect(reason, at: offset, of: file.octets, sourceLocation: sourceLocation)
  }

  private func expect(
    _ reason: CaptureError.Reason, at offset: UInt64, of octets: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = ReadCapture(octets).error
    #expect(error == CaptureError(reason, at: offset), sourceLocation: sourceLocation)
  }
}

extension CapturedPacket.Direction {
  static let allDirections: [CapturedPacket.Direction] = [.unknown, .received, .sent]
}
