// SPDX-License-Identifier: Apache-2.0

import Testing
import XDPFrame

@Suite struct FragmentTests {
  /// 9,000 octets: 3,520 in the first page, 4,096 in the second, 1,384 in the third.
  @Test(arguments: [false, true])
  func aPacketOfThreeBuffersIsBuiltReadQueuedAndRecycled(isBeside: Bool) throws {
    let fixture = try Fixture(isBeside: isBeside)
    let packet = try fixture.longBuff(byteCount: 9_000)
    #expect(packet.byteCount == 9_000)
    #expect(packet.fragmentCount == 2)
    #expect(packet.sharedInfo.fragmentsByteCount == UInt32(9_000 - packet.linearByteCount))
    #expect(packet.sharedInfo.fragmentsTrueByteCount == 2 * 4_096)
    expectCounting(packet, byteCount: 9_000)
    let frame = try fixture.rest(packet)
    #expect(frame.byteCount == 9_000)
    #expect(frame.bufferCount == 3)
    #expect(frame.hasFragments == true)
    #expect(fixture.model.census()[.receive] == 3)
    frame.descriptor.setOwner(.ring, number: 5)
    #expect(fixture.model.census()[.ring] == 3)
    let again = Buff(frame)
    #expect(again.byteCount == 9_000)
    expectCounting(again, byteCount: 9_000)
    again.recycle(.programDrop)
    #expect(fixture.model.isWhole)
    // One call for all three.
    #expect(fixture.model.calls.map(\.count) == [3])
  }

  private func expectCounting(_ packet: borrowing Buff, byteCount: Int) {
    var octets = [UInt8](repeating: 0, count: byteCount)
    let isRead = copy(packet, from: 0, into: &octets)
    #expect(isRead)
    #expect(octets == (0..<byteCount).map(octet))
  }

  @Test(arguments: [
    (0, 1), (3_519, 2), (3_520, 1), (3_519, 4_098), (7_615, 2), (7_616, 1_384), (8_999, 1),
    (9_000, 0), (0, 9_000),
  ])
  func octetsAreCopiedOverTheBordersOfBuffers(offset: Int, count: Int) throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 9_000)
    var octets = [UInt8](repeating: 0xEE, count: count)
    let isRead = copy(packet, from: offset, into: &octets)
    #expect(isRead)
    #expect(octets == (offset..<(offset + count)).map(octet))
    packet.recycle(.programDrop)
  }

  @Test(arguments: [(-1, 1), (9_000, 1), (9_001, 0), (0, 9_001), (8_000, 1_001), (.max, 1)])
  func octetsThatAreNotThereAreNotCopied(offset: Int, count: Int) throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 9_000)
    var octets = [UInt8](repeating: 0xEE, count: count)
    let isRead = copy(packet, from: offset, into: &octets)
    #expect(!isRead)
    #expect(octets.allSatisfy { $0 == 0xEE })
    packet.recycle(.programDrop)
  }

  @Test func aFragmentIsReadAlone() throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 9_000)
    let lengths = (0..<3).map { packet.withFragment(at: $0) { $0.byteCount } }
    #expect(lengths == [4_096, 1_384, nil])
    #expect(packet.withFragment(at: -1) { $0.byteCount } == nil)
    let found = packet.fragment(at: 1)
    let second = try #require(found)
    #expect(second.offset == 0 && second.byteCount == 1_384)
    #expect(packet.descriptor.buffer(of: second).head == packet.descriptor.index)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func aFragmentMayLieAnywhereInItsBuffer() throws {
    let fixture = try Fixture()
    var packet = try fixture.buff(byteCount: 10)
    let part = try fixture.storage()
    unsafe (part.descriptor.hardStart + 4_000).storeBytes(of: octet(10), as: UInt8.self)
    unsafe (part.descriptor.hardStart + 4_001).storeBytes(of: octet(11), as: UInt8.self)
    expectAdded(packet.addFragment(part, offset: 4_000, byteCount: 2))
    expectCounting(packet, byteCount: 12)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func theEighteenthFragmentIsHandedBack() throws {
    let fixture = try Fixture()
    var packet = try fixture.longBuff(byteCount: Limits.packet)
    #expect(packet.fragmentCount == 17)
    #expect(packet.byteCount == 73_152)
    expectCounting(packet, byteCount: Limits.packet)
    let extra = try fixture.storage()
    let index = extra.descriptor.index
    let rejected = packet.addFragment(extra, offset: 0, byteCount: 1)
    if let rejected {
      #expect(rejected.descriptor.index == index)
      rejected.recycle()
    } else {
      Issue.record("An eighteenth fragment was taken.")
    }
    #expect(packet.byteCount == 73_152)
    let frame = try fixture.rest(packet)
    #expect(frame.bufferCount == 18)
    frame.recycle(.tooManyFragments)
    #expect(fixture.model.isWhole)
    #expect(fixture.model.calls.map(\.count) == [1, 18])
  }

  @Test func theTailroomIsMeaninglessWithoutFragments() throws {
    let fixture = try Fixture()
    let packet = try fixture.buff()
    let info = unsafe packet.hardEnd
    unsafe info.initializeMemory(as: UInt8.self, repeating: 0xFF, count: Limits.sharedInfo)
    #expect(packet.fragmentCount == 0)
    #expect(packet.fragment(at: 0) == nil)
    #expect(packet.byteCount == 64)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func theFirstFragmentBeginsAnEmptyListWhateverLayThere() throws {
    let fixture = try Fixture()
    var packet = try fixture.buff()
    unsafe packet.hardEnd.initializeMemory(
      as: UInt8.self, repeating: 0xFF, count: Limits.sharedInfo)
    expectAdded(packet.addFragment(try fixture.storage(), offset: 0, byteCount: 10))
    #expect(packet.fragmentCount == 1)
    #expect(packet.byteCount == 74)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test(arguments: [(-1, 10), (0, 0), (0, 4_097), (4_096, 1), (.max, .max)])
  func aFragmentOutsideItsBufferTraps(offset: Int, byteCount: Int) async {
    await #expect(processExitsWith: .failure) { [offset, byteCount] in
      let fixture = try Fixture()
      var packet = try fixture.buff()
      _ = packet.addFragment(try fixture.storage(), offset: offset, byteCount: byteCount)
      packet.recycle(.programDrop)
    }
  }

  @Test func aPacketThatUsesItsTailroomTakesNoFragments() async {
    await #expect(processExitsWith: .failure) {
      let fixture = try Fixture()
      var packet = try fixture.buff(byteCount: 3_521)
      _ = packet.addFragment(try fixture.storage(), offset: 0, byteCount: 1)
      packet.recycle(.programDrop)
    }
  }

  @Test func fragmentsThatTheCPUMayNotReadAreNotRead() throws {
    let fixture = try Fixture()
    let frame = try fixture.rest(try fixture.longBuff(byteCount: 5_000))
    frame.descriptor.flags.insert(.unreadableFragments)
    let packet = Buff(frame)
    #expect(packet.withFragment(at: 0) { $0.byteCount } == nil)
    var octets = [UInt8](repeating: 0, count: 5_000)
    let isRead = copy(packet, from: 0, into: &octets)
    #expect(!isRead)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func fragmentsMayBelongToAnotherModel() throws {
    let fixture = try Fixture()
    let other = try RecordingModel(fixture.registry, capacity: 4)
    var packet = try fixture.buff()
    let part = try fixture.storage(of: other)
    expectAdded(packet.addFragment(part, offset: 0, byteCount: 100))
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
    #expect(other.isWhole)
    #expect(other.calls.map(\.count) == [1])
    fixture.registry.disconnect(other.memory.id)
  }
}
