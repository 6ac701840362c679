// SPDX-License-Identifier: Apache-2.0

import Testing
import XDPFrame

@Suite struct OctetsTests {
  @Test(arguments: [0, 1, 3_520, 3_521, 7_616, 7_617, 9_000, Limits.packet], [false, true])
  func octetsGoInAndComeOutTheSame(byteCount: Int, isBeside: Bool) throws {
    let fixture = try Fixture(isBeside: isBeside)
    let octets = (0..<byteCount).map(octet)
    guard let frame = Frame(octets: octets, from: fixture.model) else {
      throw Fixture.Missing.buffer
    }
    #expect(frame.byteCount == byteCount)
    #expect(frame.queue.number == 0)
    #expect(frame.octets(recycling: .quota) == octets)
    #expect(fixture.model.isWhole)
  }

  @Test func aPacketTakesAsManyBuffersAsItMust() throws {
    let fixture = try Fixture()
    for (byteCount, fragments) in [(3_520, 0), (3_521, 1), (7_616, 1), (7_617, 2), (73_152, 17)] {
      guard let packet = Buff(byteCount: byteCount, from: fixture.model, queue: fixture.queue)
      else { throw Fixture.Missing.buffer }
      #expect(packet.fragmentCount == fragments)
      #expect(packet.byteCount == byteCount)
      #expect(packet.queue.number == fixture.queue.number)
      packet.recycle(.programDrop)
      #expect(fixture.model.isWhole)
    }
  }

  @Test func aPacketThatDoesNotFitCostsNothing() throws {
    let fixture = try Fixture(capacity: 2)
    // Two buffers are too few, and 18 fragments too many.
    for byteCount in [9_000, Limits.packet + 1] {
      let packet = Buff(byteCount: byteCount, from: fixture.model)
      let isMade = packet != nil
      #expect(!isMade)
      #expect(fixture.model.isWhole)
    }
  }

  @Test func aPacketIsLengthenedByAllOrNothing() throws {
    let fixture = try Fixture(capacity: 4)
    var packet = try fixture.longBuff(byteCount: 5_000)
    let isLonger = packet.addFragments(byteCount: 3 * 4_096, from: fixture.model)
    #expect(!isLonger)
    #expect(packet.byteCount == 5_000)
    let isLonger2 = packet.addFragments(byteCount: 4_097, from: fixture.model)
    #expect(isLonger2)
    #expect(packet.byteCount == 9_097)
    #expect(packet.fragmentCount == 3)
    let isSame = packet.addFragments(byteCount: 0, from: fixture.model)
    #expect(isSame)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test(arguments: [
    (0, 1), (3_519, 2), (3_520, 4_096), (3_500, 5_500), (8_999, 1), (9_000, 0), (0, 9_000),
  ])
  func octetsAreStoredOverTheBordersOfBuffers(offset: Int, count: Int) throws {
    let fixture = try Fixture()
    var packet = try fixture.longBuff(byteCount: 9_000)
    let isStored = store(count, at: offset, into: &packet)
    #expect(isStored)
    let expected = (0..<9_000).map {
      $0 >= offset && $0 < offset + count ? 0xEE : octet($0)
    }
    #expect(try fixture.rest(packet).octets() == expected)
    #expect(fixture.model.isWhole)
  }

  @Test(arguments: [(-1, 1), (9_000, 1), (9_001, 0), (0, 9_001), (.max, 1)])
  func octetsThatDoNotFitAreNotStored(offset: Int, count: Int) throws {
    let fixture = try Fixture()
    var packet = try fixture.longBuff(byteCount: 9_000)
    let isStored = store(count, at: offset, into: &packet)
    #expect(!isStored)
    #expect(try fixture.rest(packet).octets() == (0..<9_000).map(octet))
  }

  @Test func nothingIsStoredInAForgedFragment() throws {
    let fixture = try Fixture()
    let victim = try fixture.frame()
    var packet = try fixture.longBuff(byteCount: 9_000)
    let list = unsafe packet.sharedInfo.fragments
    let genuine = unsafe list[0]
    unsafe list[0] = Fragment(slot: Slot(victim.descriptor), offset: 0, byteCount: 4_096)
    let isStored = store(9_000, at: 0, into: &packet)
    #expect(!isStored)
    #expect(victim.octets() == (0..<64).map(octet))
    unsafe list[0] = genuine
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  private func store(_ count: Int, at offset: Int, into packet: inout Buff) -> Bool {
    unsafe [UInt8](repeating: 0xEE, count: count).withUnsafeBytes {
      unsafe packet.storeBytes($0, at: offset)
    }
  }
}
