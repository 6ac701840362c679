// SPDX-License-Identifier: Apache-2.0

import Testing
import XDPFrame

@Suite struct FrameTests {
  @Test func keepsWhatIsKnownAboutThePacket() throws {
    let fixture = try Fixture()
    let frame = try fixture.frame(byteCount: 100)
    let descriptor = frame.descriptor
    #expect(frame.linearByteCount == 100)
    #expect(frame.byteCount == 100)
    #expect(frame.bufferCount == 1)
    #expect(frame.hasFragments == false)
    #expect(frame.memory == fixture.model.memory)
    #expect(frame.queue.number == fixture.queue.number)
    #expect(frame.queue.port == 7)
    #expect(frame.queue.queue == 3)
    unsafe #expect(descriptor.data == descriptor.hardStart + 256)
    #expect(descriptor.metadataByteCount == 0)
    let packet = Buff(frame)
    unsafe #expect(packet.data == descriptor.data)
    #expect(packet.linearByteCount == 100)
    #expect(packet.headroom == 256)
    #expect(packet.frameByteCount == 4_096)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func givesItsReasonToWhoeverLooksAfterwards() throws {
    let fixture = try Fixture(capacity: 1)
    for reason in DropReason.allCases {
      let frame = try fixture.frame()
      let descriptor = frame.descriptor
      frame.recycle(reason)
      #expect(descriptor.reason == reason.rawValue)
      #expect(descriptor.owner == .free)
    }
    #expect(fixture.model.isWhole)
  }

  @Test func takenIsNoLongerOwned() throws {
    let fixture = try Fixture()
    let descriptor = try fixture.frame().take()
    #expect(descriptor.owner == .receive)
    #expect(fixture.model.calls.isEmpty)
    Frame(owning: descriptor).recycle(.shutdown)
    #expect(fixture.model.isWhole)
  }

  @Test func droppedGoesHomeWithItsFragmentsAndCountsOnce() throws {
    let fixture = try Fixture()
    do { _ = try fixture.rest(try fixture.longBuff(byteCount: 20_000)) }
    let census = fixture.model.census()
    #expect(census[.free] == 64)
    #expect(census.abandoned == 1)
    #expect(fixture.model.calls.map(\.count) == [6])
  }

  @Test func aBareBufferGoesHomeToo() throws {
    let fixture = try Fixture()
    try fixture.storage().recycle()
    #expect(fixture.model.isWhole)
    do { _ = try fixture.storage() }
    #expect(fixture.model.census().abandoned == 1)
    #expect(fixture.model.census()[.free] == 64)
  }

  @Test func aHeadMayBeMovedWithinItsBuffer() throws {
    let fixture = try Fixture()
    let frame = try fixture.frame(byteCount: 100)
    let descriptor = frame.take()
    descriptor.dataOffset -= 16
    descriptor.byteCount += 16
    descriptor.metadataByteCount = 8
    let packet = Buff(Frame(owning: descriptor))
    #expect(packet.headroom == 240)
    #expect(packet.linearByteCount == 116)
    #expect(packet.metadataByteCount == 8)
    let again = try fixture.rest(packet)
    #expect(again.descriptor.metadataByteCount == 8)
    again.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func metadataCountsAgainstTheKernelsRoom() throws {
    let fixture = try Fixture()
    for (headroom, metadata, mayRest) in [(48, 8, true), (47, 8, false), (292, 252, true)] {
      let descriptor = try fixture.rest(try fixture.buff(headroom: headroom)).take()
      descriptor.metadataByteCount = UInt8(metadata)
      let frame = Frame(Buff(Frame(owning: descriptor)))
      let rests = frame != nil
      #expect(rests == mayRest)
      if let frame { frame.recycle(.programDrop) }
      #expect(fixture.model.isWhole)
    }
  }
}
