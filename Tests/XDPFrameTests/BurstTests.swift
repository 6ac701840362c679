// SPDX-License-Identifier: Apache-2.0

import Testing
import XDPFrame

@Suite struct BurstTests {
  private func burst(_ count: Int, of fixture: Fixture) throws -> Burst {
    var burst = Burst()
    for position in 0..<count { burst.append(try fixture.buff(first: position)) }
    return burst
  }

  @Test func holds64PacketsSideBySide() throws {
    let fixture = try Fixture()
    var burst = try burst(64, of: fixture)
    #expect(burst.isFull == true)
    #expect(burst.count == 64)
    for position in 0..<64 {
      unsafe #expect(burst[position].data.load(as: UInt8.self) == octet(position))
      unsafe #expect(
        UnsafeMutableRawPointer(burst.packets + position)
          == UnsafeMutableRawPointer(burst.packets) + 56 * position)
    }
    for position in 0..<64 { burst.takeAnyway(at: position).recycle(.programDrop) }
    burst.removeAll()
    #expect(burst.count == 0)
    #expect(fixture.model.isWhole)
  }

  @Test func takesAFrameThatIsToBeLookedIntoAgain() throws {
    let fixture = try Fixture()
    var burst = Burst()
    burst.append(try fixture.rest(try fixture.longBuff(byteCount: 9_000)))
    #expect(burst[0].byteCount == 9_000)
    guard let frame = burst.takeFrame(at: 0) else { throw Fixture.Missing.room }
    burst.removeAll()
    #expect(frame.byteCount == 9_000)
    frame.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func everyPacketHasAVerdictOfItsOwn() throws {
    let fixture = try Fixture()
    var burst = try burst(5, of: fixture)
    burst.setAll(.pass)
    burst.set(.drop, at: 0)
    burst.set(Verdict(rawValue: 99), at: 4)
    let verdicts = (0..<5).map { unsafe burst.verdicts[$0] }
    #expect(verdicts == [.drop, .pass, .pass, .pass, Verdict(rawValue: 99)])
    for position in 0..<5 { burst.takeHome(at: position).recycle(.programDrop) }
    burst.removeAll()
    #expect(fixture.model.isWhole)
  }

  @Test func packetsWithFragmentsStandBehindWhileTheyAreNotShown() throws {
    let fixture = try Fixture()
    // Every way of having fragments or none for five packets.
    for pattern in 0..<32 {
      var burst = Burst()
      for position in 0..<5 {
        var packet = try fixture.buff(first: position)
        if pattern >> position & 1 == 1 {
          #expect(packet.addFragment(try fixture.storage(), offset: 0, byteCount: 10) == nil)
        }
        burst.append(packet)
      }
      let expected = (0..<5).filter { pattern >> $0 & 1 == 0 }
      var seen: [Int] = []
      let shown = burst.showWithoutFragments { burst in
        for position in 0..<burst.count {
          seen.append(unsafe Int(burst[position].data.load(as: UInt8.self)))
        }
      }
      #expect(shown == expected.count)
      #expect(seen == expected.map { Int(octet($0)) })
      #expect(burst.count == 5)
      let order = (0..<5).map { unsafe Int(burst[$0].data.load(as: UInt8.self)) }
      let others = (0..<5).filter { pattern >> $0 & 1 == 1 }
      #expect(Set(order[shown...]) == Set(others.map { Int(octet($0)) }))
      for position in 0..<5 { burst.takeAnyway(at: position).recycle(.programDrop) }
      burst.removeAll()
      #expect(fixture.model.isWhole)
    }
  }

  @Test func aPacketWithTooLittleRoomIsNotTakenAsAFrame() throws {
    let fixture = try Fixture()
    var burst = Burst()
    burst.append(try fixture.buff(headroom: 39))
    if let frame = burst.takeFrame(at: 0) {
      frame.recycle(.programDrop)
      Issue.record("A packet without room for the kernel's header was let to rest.")
    }
    burst.takeHome(at: 0).recycle(.tailroom)
    burst.removeAll()
    #expect(fixture.model.isWhole)
  }

  @Test func aPacketOnItsWayHomeTakesItsFragmentsAlong() throws {
    let fixture = try Fixture()
    var burst = Burst()
    burst.append(try fixture.longBuff(byteCount: 9_000))
    burst.takeHome(at: 0).recycle(.programDrop)
    burst.removeAll()
    #expect(fixture.model.isWhole)
  }

  @Test func packetsLeftInADroppedBurstGoHomeAndAreCounted() throws {
    let fixture = try Fixture()
    do { _ = try burst(3, of: fixture) }
    #expect(fixture.model.census().abandoned == 3)
    #expect(fixture.model.census()[.free] == 64)
  }

  @Test func aPacketMayBeChangedInPlace() throws {
    let fixture = try Fixture()
    var burst = try burst(2, of: fixture)
    burst[1].target = RedirectTarget(map: 1, key: 5)
    #expect(burst[1].target.key == 5)
    #expect(burst[0].target.key == 0)
    for position in 0..<2 { burst.takeHome(at: position).recycle(.programDrop) }
    burst.removeAll()
    #expect(fixture.model.isWhole)
  }

  @Test func positionsOutsideTrap() async {
    await #expect(processExitsWith: .failure) {
      var burst = Burst()
      burst.set(.pass, at: 0)
    }
    await #expect(processExitsWith: .failure) { _ = Burst()[0].byteCount }
    await #expect(processExitsWith: .failure) {
      let fixture = try Fixture()
      var burst = Burst()
      burst.append(try fixture.buff())
      burst.set(.pass, at: -1)
    }
    await #expect(processExitsWith: .failure) {
      let fixture = try Fixture(capacity: 65)
      var burst = Burst()
      for _ in 0..<65 { burst.append(try fixture.buff()) }
    }
  }
}

/// Passes packets with an even first octet, and remembers how often it was called.
private final class EvenOnly: PacketProgram {
  var calls = 0

  func run(_ packet: inout Buff) -> Verdict {
    calls += 1
    return unsafe packet.data.load(as: UInt8.self) % 2 == 0 ? .pass : .drop
  }
}

@Suite struct PacketProgramTests {
  @Test(arguments: [0, 1, 5, 64])
  func isRunOncePerPacketInOrder(count: Int) throws {
    let fixture = try Fixture()
    var burst = Burst()
    for position in 0..<count { burst.append(try fixture.buff(first: position)) }
    let program = EvenOnly()
    (program as any Program).run(&burst)
    #expect(program.calls == count)
    #expect((0..<count).allSatisfy { unsafe burst.verdicts[$0] == ($0 % 2 == 0 ? .pass : .drop) })
    #expect(program.acceptsFragments)
  }
}
