// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import XDPFrame

/// From a packet to a frame and back: `xdp_update_frame_from_buff()` and `xdp_convert_frame_to_buff()`.
@Suite struct ConversionTests {
  /// A packet, and whether the kernel would make a frame of it.
  struct Row: CustomTestStringConvertible, Sendable {
    let headroom: Int
    let metadata: Int
    let byteCount: Int
    let mayRest: Bool
    /// Whether the shared info lies beside the buffer, so that the packet may use its last octet.
    var isBeside = false

    var testDescription: String {
      "headroom \(headroom), metadata \(metadata), \(byteCount) octets\(isBeside ? ", no tailroom" : "")"
    }
  }

  static let rows = [
    Row(headroom: 256, metadata: 0, byteCount: 64, mayRest: true),
    // 40 octets of headroom beside the metadata.
    Row(headroom: 40, metadata: 0, byteCount: 64, mayRest: true),
    Row(headroom: 39, metadata: 0, byteCount: 64, mayRest: false),
    Row(headroom: 0, metadata: 0, byteCount: 64, mayRest: false),
    Row(headroom: 72, metadata: 32, byteCount: 64, mayRest: true),
    Row(headroom: 71, metadata: 32, byteCount: 64, mayRest: false),
    Row(headroom: 256, metadata: 216, byteCount: 64, mayRest: true),
    Row(headroom: 256, metadata: 220, byteCount: 64, mayRest: false),
    Row(headroom: 292, metadata: 252, byteCount: 64, mayRest: true),
    Row(headroom: 291, metadata: 252, byteCount: 64, mayRest: false),
    // The tailroom.
    Row(headroom: 256, metadata: 0, byteCount: 3_520, mayRest: true),
    Row(headroom: 256, metadata: 0, byteCount: 3_521, mayRest: false),
    Row(headroom: 40, metadata: 0, byteCount: 3_736, mayRest: true),
    Row(headroom: 40, metadata: 0, byteCount: 3_737, mayRest: false),
    Row(headroom: 3_776, metadata: 252, byteCount: 0, mayRest: true),
    Row(headroom: 256, metadata: 0, byteCount: 3_840, mayRest: true, isBeside: true),
    Row(headroom: 40, metadata: 0, byteCount: 4_056, mayRest: true, isBeside: true),
    Row(headroom: 39, metadata: 0, byteCount: 4_056, mayRest: false, isBeside: true),
  ]

  @Test(arguments: rows)
  func aPacketRestsWhereTheKernelsDoes(row: Row) throws {
    let fixture = try Fixture(isBeside: row.isBeside)
    let packet = try packet(row, fixture)
    let buffer = packet.descriptor
    if row.mayRest {
      try packet.checkFrameRoom()
      let again = Buff(try fixture.rest(packet))
      #expect(again.descriptor == buffer)
      #expect(again.headroom == row.headroom)
      #expect(again.metadataByteCount == row.metadata)
      #expect(again.linearByteCount == row.byteCount)
      #expect(again.frameByteCount == 4_096)
      #expect(again.queue.number == fixture.queue.number)
      #expect(buffer.memory == fixture.model.memory)
      again.recycle(.programDrop)
    } else {
      #expect(throws: PacketError.noFrameRoom) { try packet.checkFrameRoom() }
      let frame = Frame(packet)
      if let frame {
        frame.recycle(.programDrop)
        Issue.record("The packet rests.")
      }
      #expect(buffer.reason == DropReason.tailroom.rawValue)
    }
    #expect(fixture.model.isWhole)
  }

  /// A packet as a broken program may have left it: not all of these can be had by asking.
  private func packet(_ row: Row, _ fixture: Fixture) throws -> Buff {
    let buffer = try fixture.storage().take()
    let start = unsafe UInt32(truncatingIfNeeded: UInt(bitPattern: buffer.hardStart))
    buffer.dataOffset = start + UInt32(row.headroom)
    buffer.byteCount = UInt32(row.byteCount)
    buffer.metadataByteCount = UInt8(row.metadata)
    buffer.queueNumber = fixture.queue.number
    return Buff(Frame(owning: buffer))
  }

  @Test func theModelTravelsWithEveryBufferOfAFrame() throws {
    let fixture = try Fixture()
    let other = try RecordingModel(fixture.registry, capacity: 4, kind: .sharedPage)
    defer { fixture.registry.disconnect(other.memory.id) }
    var packet = try fixture.buff()
    expectAdded(packet.addFragment(try fixture.storage(of: other), offset: 0, byteCount: 100))
    expectAdded(packet.addFragment(try fixture.storage(), offset: 0, byteCount: 100))
    let frame = try fixture.rest(packet)
    fixture.registry.unregisterQueue(fixture.queue)
    #expect(frame.memory == fixture.model.memory)
    let parts = (0..<2).compactMap { frame.descriptor.fragment(at: $0) }
    #expect(
      parts.map { frame.descriptor.buffer(of: $0).memory } == [other.memory, frame.memory])
    frame.recycle(.programDrop)
    #expect(fixture.model.isWhole && other.isWhole)
  }

  @Test func everyRefusalHasTheKernelsNumber() {
    let errors: [PacketError] = [
      .outOfBounds, .metadataLength, .fragmentsCannotGrow, .unreachable, .noFrameRoom,
    ]
    #expect(errors.map(\.errno) == [EINVAL, EACCES, EOPNOTSUPP, EFAULT, ENOSPC])
  }
}
