// SPDX-License-Identifier: Apache-2.0

import Testing
import XDPFrame

/// What the comparison with the kernel cannot see: where buffers go, and lists that were forged.
@Suite struct AdjustTests {
  @Test(arguments: [(-10, 3), (-1_384, 2), (-1_385, 2), (-5_480, 1), (-8_200, 1)])
  func fragmentsThatBecomeEmptyGoHome(octets: Int, buffers: Int) throws {
    let fixture = try Fixture()
    var packet = try fixture.longBuff(byteCount: 9_000)
    try packet.adjustTail(by: octets)
    #expect(packet.byteCount == 9_000 + octets)
    #expect(packet.fragmentCount == buffers - 1)
    #expect(packet.hasFragments == (buffers > 1))
    #expect(fixture.model.census()[.free] == 64 - buffers)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func pullingEmptiesFragmentsFromTheFront() throws {
    let fixture = try Fixture()
    var packet = try fixture.buff(byteCount: 14)
    for count in [20, 4_096, 30] {
      expectAdded(
        packet.addFragment(try fixture.storage(), offset: 100, byteCount: min(count, 3_996)))
    }
    let length = packet.byteCount
    try packet.pullData(14 + 20 + 6)
    #expect(packet.linearByteCount == 40)
    #expect(packet.byteCount == length)
    #expect(packet.fragmentCount == 2)
    #expect(packet.fragment(at: 0)?.offset == 106)
    #expect(packet.fragment(at: 0)?.byteCount == 3_990)
    #expect(fixture.model.census()[.free] == 64 - 3)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func fragmentsGrowOnlyWhereTheQueueSaysHowFar() throws {
    let fixture = try Fixture()
    var packet = try fixture.longBuff(byteCount: 4_000)
    #expect(throws: PacketError.fragmentsCannotGrow) { try packet.adjustTail(by: 1) }
    #expect(throws: PacketError.fragmentsCannotGrow) { try packet.adjustTail(by: 0) }
    packet.recycle(.programDrop)
    let queue = try fixture.registry.registerQueue(
      port: 7, queue: 4, memory: fixture.model.memory, fragmentByteCount: 2_048)
    packet = Buff(owning: try fixture.storage().take(), queue: queue, headroom: 256, byteCount: 64)
    expectAdded(packet.addFragment(try fixture.storage(), offset: 2_048, byteCount: 100))
    #expect(throws: PacketError.outOfBounds) { try packet.adjustTail(by: 1_949) }
    try packet.adjustTail(by: 1_948)
    #expect(packet.byteCount == 64 + 2_048)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  /// `bpf_xdp_frags_increase_tail()`: what the queue declares, and room for that much more or not.
  @Test(arguments: [
    (
      declared: 0, offset: 0, byteCount: 100, octets: 1,
      error: PacketError?.some(.fragmentsCannotGrow)
    ),
    (declared: 4_097, offset: 0, byteCount: 100, octets: 1, error: .fragmentsCannotGrow),
    (declared: 4_096, offset: 0, byteCount: 100, octets: 3_996, error: nil),
    (declared: 4_096, offset: 0, byteCount: 100, octets: 3_997, error: .outOfBounds),
    (declared: 4_096, offset: 1_000, byteCount: 100, octets: 2_996, error: nil),
    (declared: 4_096, offset: 1_000, byteCount: 100, octets: 2_997, error: .outOfBounds),
    (declared: 2_048, offset: 0, byteCount: 100, octets: 1_948, error: nil),
    (declared: 2_048, offset: 0, byteCount: 100, octets: 1_949, error: .outOfBounds),
    (declared: 2_048, offset: 3_000, byteCount: 96, octets: 1_000, error: nil),
    (declared: 2_048, offset: 3_000, byteCount: 96, octets: 1_001, error: .outOfBounds),
    // Longer than what the queue declares: no room at all, not even for nothing.
    (declared: 2_048, offset: 0, byteCount: 3_000, octets: 0, error: .outOfBounds),
    (declared: 4_096, offset: 0, byteCount: 4_096, octets: 0, error: nil),
    (declared: 4_096, offset: 0, byteCount: 4_096, octets: 1, error: .outOfBounds),
    // The declared size would lead behind the buffer: ours ends there.
    (declared: 3_000, offset: 3_000, byteCount: 96, octets: 1_001, error: .outOfBounds),
    (declared: 3_000, offset: 3_000, byteCount: 96, octets: 1_000, error: nil),
  ])
  func aFragmentGrowsIntoItsOwnRoom(
    declared: Int, offset: Int, byteCount: Int, octets: Int, error: PacketError?
  ) throws {
    let fixture = try Fixture()
    let queue = try fixture.registry.registerQueue(
      port: 7, queue: 4, memory: fixture.model.memory, fragmentByteCount: UInt32(declared))
    var packet = Buff(
      owning: try fixture.storage().take(), queue: queue, headroom: 256, byteCount: 64)
    expectAdded(packet.addFragment(try fixture.storage(), offset: offset, byteCount: byteCount))
    if let error {
      #expect(throws: error) { try packet.adjustTail(by: octets) }
      #expect(packet.byteCount == 64 + byteCount)
    } else {
      try packet.adjustTail(by: octets)
      #expect(packet.byteCount == 64 + byteCount + octets)
      let isZero = packet.withFragment(at: 0) { part in
        (byteCount..<byteCount + octets).allSatisfy {
          unsafe part.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == 0
        }
      }
      #expect(isZero == true)
    }
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func fragmentsThatTheCPUMayNotReadAreLeftAlone() throws {
    let fixture = try Fixture()
    let foreign = try fixture.storage()
    foreign.descriptor.flags.insert(.unreadableFragments)
    var packet = try fixture.buff(byteCount: 64)
    expectAdded(packet.addFragment(foreign, offset: 0, byteCount: 1_000))
    var octets = [UInt8](repeating: 0, count: 8)
    let read = { (packet: borrowing Buff, offset: Int) throws(PacketError) in
      var octets = [UInt8](repeating: 0, count: 8)
      let result = unsafe octets.withUnsafeMutableBytes { room in
        Result { () throws(PacketError) in try unsafe packet.load(from: offset, into: room) }
      }
      try result.get()
    }
    try read(packet, 56)
    #expect(throws: PacketError.unreachable) { try read(packet, 57) }
    #expect(throws: PacketError.unreachable) { try packet.pullData(65) }
    #expect(throws: PacketError.unreachable) { _ = unsafe try packet.pointer(at: 64, count: 1) }
    #expect(!copy(packet, from: 60, into: &octets))
    // Dropping octets needs no look at them.
    try packet.adjustTail(by: -999)
    #expect(packet.byteCount == 65)
    foreignReset(packet)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func aPointerLeadsIntoOneBuffer() throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 9_000)
    let inside = unsafe try packet.pointer(at: 3_520, count: 4_096)
    #expect(unsafe inside?.load(as: UInt8.self) == octet(3_520))
    #expect(unsafe try packet.pointer(at: 3_519, count: 2) == nil)
    #expect(unsafe try packet.pointer(at: 3_519, count: 1) == packet.data + 3_519)
    #expect(unsafe try packet.pointer(at: 7_615, count: 2) == nil)
    #expect(throws: PacketError.outOfBounds) { _ = unsafe try packet.pointer(at: 8_999, count: 2) }
    #expect(throws: PacketError.unreachable) { _ = unsafe try packet.pointer(at: 65_536, count: 0) }
    #expect(throws: PacketError.unreachable) { _ = unsafe try packet.pointer(at: -1, count: 1) }
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test(arguments: [-5_000, -1_400, 100])
  func aForgedListChangesNothing(octets: Int) throws {
    let fixture = try Fixture()
    var packet = try fixture.longBuff(byteCount: 9_000)
    let list = unsafe packet.sharedInfo.fragments
    let genuine = unsafe (list[0], list[1])
    unsafe list[0] = Fragment(slot: Slot(rawValue: 0), offset: 0, byteCount: 4_096)
    unsafe list[1] = Fragment(slot: Slot(rawValue: 0), offset: 0, byteCount: 1_384)
    #expect(throws: PacketError.self) { try packet.adjustTail(by: octets) }
    #expect(throws: PacketError.unreachable) { try packet.pullData(3_521) }
    #expect(packet.byteCount == 9_000)
    #expect(packet.linearByteCount == 3_520)
    unsafe (list[0], list[1]) = genuine
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func aForgedSumDoesNotReachInFrontOfThePacket() throws {
    let fixture = try Fixture()
    var packet = try fixture.longBuff(byteCount: 4_000)
    packet.sharedInfo.fragmentsByteCount = 100_000
    #expect(throws: PacketError.unreachable) { try packet.adjustTail(by: -50_000) }
    #expect(packet.linearByteCount == 3_520)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test(arguments: [Int.min, Int.min + 300, .max - 10, .max])
  func numbersBeyondAnyPacketAreRefused(octets: Int) throws {
    let fixture = try Fixture()
    var packet = try fixture.buff(byteCount: 64)
    #expect(throws: PacketError.outOfBounds) { try packet.adjustHead(by: octets) }
    #expect(throws: PacketError.outOfBounds) { try packet.adjustTail(by: octets) }
    #expect(throws: PacketError.outOfBounds) { try packet.adjustMetadata(by: octets) }
    #expect(throws: PacketError.outOfBounds) { try packet.pullData(octets) }
    packet.recycle(.programDrop)
    packet = try fixture.longBuff(byteCount: 4_000)
    #expect(throws: PacketError.self) { try packet.adjustTail(by: octets) }
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  private func foreignReset(_ packet: borrowing Buff) {
    guard let fragment = packet.fragment(at: 0) else { return }
    packet.descriptor.buffer(of: fragment).flags.remove(.unreadableFragments)
  }
}
