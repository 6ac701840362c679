// SPDX-License-Identifier: Apache-2.0

import CLinux
import Testing
import XDPFrame

@Suite struct BuffTests {
  @Test(arguments: [0, 40, 192, 256], [0, 14, 64, 1_500])
  func describesAPacketInItsBuffer(headroom: Int, byteCount: Int) throws {
    let fixture = try Fixture()
    let packet = try fixture.buff(byteCount: byteCount, headroom: headroom)
    let descriptor = packet.descriptor
    unsafe #expect(packet.hardStart == descriptor.hardStart)
    unsafe #expect(packet.data == packet.hardStart + headroom)
    unsafe #expect(packet.dataEnd == packet.data + byteCount)
    #expect(packet.headroom == headroom)
    #expect(packet.linearByteCount == byteCount)
    #expect(packet.byteCount == byteCount)
    #expect(packet.metadataByteCount == 0)
    #expect(packet.frameByteCount == 4_096)
    unsafe #expect(packet.hardEnd == packet.hardStart + 4_096 - 320)
    #expect(packet.hasFragments == false)
    #expect(packet.fragmentCount == 0)
    #expect(packet.flags == [])
    #expect(packet.queue.number == fixture.queue.number)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func withSharedInfoBesideThePacketMayFillItsBuffer() throws {
    let fixture = try Fixture(isBeside: true)
    let packet = try fixture.buff(byteCount: 4_096 - 256)
    unsafe #expect(packet.hardEnd == packet.hardStart + 4_096)
    unsafe #expect(packet.dataEnd == packet.hardEnd)
    #expect(packet.flags == .sharedInfoBeside)
    let frame = try fixture.rest(packet)
    #expect(frame.linearByteCount == 3_840)
    frame.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func flagsOfAFormerPacketDoNotLast() throws {
    let fixture = try Fixture()
    let storage = try fixture.storage()
    storage.descriptor.flags = [.hasFragments, .memoryReserve, .unreadableFragments]
    let packet = Buff(
      owning: storage.take(), queue: fixture.queue, headroom: 256, byteCount: 64)
    #expect(packet.flags == [])
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func readsAndWritesTheLinearPartWithinItsBounds() throws {
    let fixture = try Fixture()
    var packet = try fixture.buff(byteCount: 100, first: 5)
    let read = packet.withBytes { bytes in
      (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    #expect(read == (5..<105).map(octet))
    packet.withMutableBytes { bytes in
      #expect(bytes.byteCount == 100)
      bytes.storeBytes(of: 0xAABB, toByteOffset: 98, as: UInt16.self)
    }
    unsafe #expect(packet.data.loadUnaligned(fromByteOffset: 98, as: UInt16.self) == 0xAABB)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func readingPastTheEndTraps() async {
    await #expect(processExitsWith: .failure) {
      let fixture = try Fixture()
      var packet = try fixture.buff(byteCount: 20)
      packet.withMutableBytes { $0.storeBytes(of: 1, toByteOffset: 20, as: UInt8.self) }
      packet.recycle(.programDrop)
    }
  }

  @Test(arguments: [(-1, 10), (256, -1), (256, 3_841), (4_097, 0), (0, 4_097), (.max, .max)])
  func aPacketOutsideItsBufferTraps(headroom: Int, byteCount: Int) async {
    await #expect(processExitsWith: .failure) { [headroom, byteCount] in
      let fixture = try Fixture()
      let storage = try fixture.storage()
      Buff(
        owning: storage.take(), queue: fixture.queue, headroom: headroom, byteCount: byteCount
      ).recycle(.programDrop)
    }
  }

  @Test(arguments: [Verdict.aborted, .drop, .pass, .transmit])
  func aRedirectRemembersWhereAndWhatOtherwise(miss: Verdict) throws {
    let fixture = try Fixture()
    var packet = try fixture.buff()
    #expect(packet.redirect(to: RedirectTarget(map: 9, key: 77, onMiss: miss)) == .redirect)
    #expect(packet.target.map == 9)
    #expect(packet.target.key == 77)
    #expect(packet.target.flags.miss == miss)
    packet.recycle(.programDrop)
  }

  @Test func aDroppedPacketGoesHomeAndCountsAsAbandoned() throws {
    let fixture = try Fixture()
    do { _ = try fixture.longBuff(byteCount: 9_000) }
    let census = fixture.model.census()
    #expect(census[.free] == 64)
    #expect(census.doubleFree == 0)
    #expect(census.abandoned == 1)
  }

  @Test func aPacketMayRestIfItLeavesTheKernelsRoom() throws {
    let fixture = try Fixture()
    // (headroom, octets, may rest): 40 octets stay for the kernel's header, 320 for the list of fragments.
    let cases = [
      (39, 64, false), (40, 64, true), (256, 3_520, true), (256, 3_521, false), (40, 3_736, true),
      (40, 3_737, false),
    ]
    for (headroom, byteCount, mayRest) in cases {
      let frame = Frame(try fixture.buff(byteCount: byteCount, headroom: headroom))
      let rests = frame != nil
      #expect(rests == mayRest, "headroom \(headroom), \(byteCount) octets")
      if let frame { frame.recycle(.programDrop) }
      // A packet that may not rest has gone home, with its reason.
      #expect(fixture.model.isWhole)
    }
  }
}
