// SPDX-License-Identifier: Apache-2.0

import Testing
import XDPFrame

/// A tailroom is program memory: whatever stands there, nobody else's buffer is read or sent home.
@Suite struct ForgedFragmentTests {
  /// What a program may write into the list.
  struct Forgery: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// The forged first fragment of a packet, whose second one is left alone.
    let make: @Sendable (_ genuine: Fragment, _ head: Descriptor, _ victim: Descriptor) -> Fragment

    init(
      _ description: String,
      _ make: @escaping @Sendable (Fragment, Descriptor, Descriptor) -> Fragment
    ) {
      testDescription = description
      self.make = make
    }
  }

  static let forgeries = [
    Forgery("a slot of nothing") { genuine, _, _ in
      Fragment(slot: Slot(rawValue: 0), offset: 0, byteCount: genuine.byteCount)
    },
    Forgery("an index beyond the arena") { genuine, _, _ in
      Fragment(slot: Slot(rawValue: 0xFFFF_FFFF), offset: 0, byteCount: 1)
    },
    Forgery("an index just beyond the arena") { genuine, _, _ in
      Fragment(slot: Slot(rawValue: UInt64(Descriptor.limit)), offset: 0, byteCount: 1)
    },
    Forgery("an older life of the same buffer") { genuine, _, _ in
      Fragment(
        slot: Slot(rawValue: genuine.slot.rawValue &- 1 << 32), offset: 0, byteCount: 1)
    },
    Forgery("somebody else's buffer") { _, _, victim in
      Fragment(slot: Slot(victim), offset: 0, byteCount: 100)
    },
    Forgery("the packet's own first buffer") { _, head, _ in
      Fragment(slot: Slot(head), offset: 0, byteCount: 100)
    },
    Forgery("octets behind the buffer") { genuine, _, _ in
      Fragment(slot: genuine.slot, offset: 4_000, byteCount: 97)
    },
    Forgery("an offset behind the buffer") { genuine, _, _ in
      Fragment(slot: genuine.slot, offset: 4_097, byteCount: 0)
    },
    Forgery("a sum that wraps") { genuine, _, _ in
      Fragment(slot: genuine.slot, offset: .max, byteCount: 2)
    },
  ]

  @Test(arguments: forgeries)
  func isNeitherReadNorSentHome(forgery: Forgery) throws {
    let fixture = try Fixture()
    let victim = try fixture.frame()
    let packet = try fixture.longBuff(byteCount: 9_000)
    let list = unsafe packet.sharedInfo.fragments
    let genuine = unsafe list[0]
    let lost = genuine.slot.index
    unsafe list[0] = forgery.make(genuine, packet.descriptor, victim.descriptor)
    #expect(packet.fragment(at: 0) == nil)
    #expect(packet.withFragment(at: 0) { $0.byteCount } == nil)
    #expect(packet.descriptor.fragment(at: 0) == nil)
    #expect(packet.fragment(at: 1) != nil)
    var octets = [UInt8](repeating: 0, count: 9_000)
    let isRead = copy(packet, from: 0, into: &octets)
    #expect(!isRead)
    packet.recycle(.programDrop)
    // The victim is still whole, and nobody came home twice.
    #expect(victim.descriptor.owner == .receive)
    let sentHome = fixture.model.calls.flatMap { $0 }
    #expect(sentHome.count == 2)
    #expect(!sentHome.contains(lost) && !sentHome.contains(victim.descriptor.index))
    // The buffer that the list no longer names is not hidden: nobody holds it.
    let census = fixture.model.census()
    #expect(census[.quarantine] == 1)
    #expect(census[.free] == 62)
    #expect(census.balances)
    #expect(census.doubleFree == 0)
    victim.recycle(.programDrop)
  }

  @Test func aLostFragmentStaysInQuarantineWhenItsFramesBufferLivesAgain() throws {
    let fixture = try Fixture(capacity: 3)
    let packet = try fixture.longBuff(byteCount: 5_000)
    packet.sharedInfo.fragmentCount = 0
    let head = packet.descriptor
    packet.recycle(.programDrop)
    #expect(fixture.model.census()[.quarantine] == 1)
    // The same buffer begins another frame.
    let frames = [try fixture.frame().take(), try fixture.frame().take()]
    #expect(frames.contains(head))
    #expect(fixture.model.census()[.quarantine] == 1)
    #expect(fixture.model.census()[.receive] == 2)
    for frame in frames { Frame(owning: frame).recycle(.programDrop) }
    #expect(fixture.model.census().doubleFree == 0)
  }

  @Test func aFragmentListedTwiceComesHomeOnce() throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 9_000)
    let list = unsafe packet.sharedInfo.fragments
    unsafe list[1] = unsafe list[0]
    packet.recycle(.programDrop)
    #expect(fixture.model.census().doubleFree == 0)
    #expect(fixture.model.census()[.quarantine] == 1)
    #expect(fixture.model.census()[.free] == 63)
  }

  @Test(arguments: [18, 64, 255])
  func aCountBeyondTheListIsNotFollowed(count: Int) throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 9_000)
    let end = unsafe packet.hardEnd
    unsafe end.storeBytes(of: UInt8(count), toByteOffset: 2, as: UInt8.self)
    unsafe (end + 48 + 32).initializeMemory(as: UInt8.self, repeating: 0xFF, count: 15 * 16)
    #expect(packet.fragmentCount == 17)
    #expect((2..<17).allSatisfy { packet.fragment(at: $0) == nil })
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func aForgedLengthIsNotReadBeyondThePacket() throws {
    let fixture = try Fixture()
    let packet = try fixture.longBuff(byteCount: 9_000)
    packet.sharedInfo.fragmentsByteCount = .max
    var octets = [UInt8](repeating: 0, count: 9_001)
    let isRead = copy(packet, from: 0, into: &octets)
    #expect(!isRead)
    packet.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func aBufferThatWasAFragmentOnceIsNoFragmentInItsNextLife() throws {
    let fixture = try Fixture(capacity: 2)
    try fixture.longBuff(byteCount: 5_000).recycle(.programDrop)
    // Both buffers live again, each a packet of its own.
    let first = try fixture.buff()
    let second = try fixture.buff()
    #expect(first.descriptor.head == 0)
    #expect(second.descriptor.head == 0)
    first.descriptor.setOwner(.ring, number: 1)
    #expect(fixture.model.census()[.ring] == 1)
    #expect(fixture.model.census()[.receive] == 1)
    first.recycle(.programDrop)
    second.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }
}
