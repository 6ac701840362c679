// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Testing
import XDPFrame

/// A pool in an arena of its own, which is destroyed with it.
private final class Fixture {
  let registry: MemoryRegistry
  let pool: SharedPagePool

  init(pages: Int, ring: Int = 1_024) throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try SharedPagePool(registry: registry, pageCount: pages, ringCapacity: ring)
  }

  deinit { registry.disconnect(pool.memory.id) }

  /// Takes up to `count` halves in bursts of `burst`.
  func take(_ count: Int = .max, burst: Int = 64) -> [Descriptor] {
    var taken: [Descriptor] = []
    let room = UnsafeMutablePointer<Storage>.allocate(capacity: burst)
    defer { unsafe room.deallocate() }
    while taken.count < count {
      let wanted = min(burst, count - taken.count)
      let got = unsafe pool.allocate(into: room, count: wanted)
      for position in 0..<got { taken.append(unsafe (room + position).move().take()) }
      if got < wanted { break }
    }
    return taken
  }

  func give(_ halves: [Descriptor]) {
    var halves = halves
    unsafe halves.withUnsafeMutableBufferPointer {
      guard let start = $0.baseAddress else { return }
      unsafe pool.recycle(start, count: $0.count)
    }
  }

  func giveFromAfar(_ halves: [Descriptor]) {
    onAnotherThread { [self] in give(halves) }
  }

  func statistic(_ name: String) -> UInt64 {
    pool.statistics.first { $0.name == name }?.value ?? .max
  }
}

/// The other half of the same page.
private func sibling(of half: Descriptor) -> Descriptor {
  unsafe Descriptor(base: half.base, index: half.index ^ 1)
}

@Suite struct SharedPagePoolTests {
  @Test func aHalfHoldsWhatDriversPutIntoOne() throws {
    #expect(SharedPagePool.packetHeadroom == 192)
    let fixture = try Fixture(pages: 1)
    #expect(fixture.pool.headroom == 192)
    #expect(fixture.pool.linearByteCount == 1_536)
    #expect(fixture.pool.memory.kind == .sharedPage)
    let halves = fixture.take()
    #expect(halves.map(\.frameByteCount) == [2_048, 2_048])
    unsafe #expect(halves[1].hardStart == halves[0].hardStart + 2_048)
    let queue = try fixture.registry.registerQueue(
      port: 1, queue: 0, memory: fixture.pool.memory)
    for half in halves {
      let packet = Buff(owning: half, queue: queue, headroom: 192, byteCount: 1_536)
      unsafe #expect(packet.dataEnd == packet.hardEnd)
      guard let frame = Frame(packet) else {
        Issue.record("A full half may rest.")
        continue
      }
      frame.recycle(.programDrop)
    }
    #expect(fixture.pool.destroy() == nil)
  }

  @Test(arguments: [1, 2, 63, 64, 65, 128, 129, 500], [1, 7, 64])
  func everyHalfIsHandedOutOnceAndComesHome(pages: Int, burst: Int) throws {
    let fixture = try Fixture(pages: pages)
    let taken = fixture.take(burst: burst)
    #expect(Set(taken.map(\.index)).count == 2 * pages)
    #expect(fixture.pool.outstanding == 2 * pages)
    #expect(fixture.pool.census()[.receive] == 2 * pages)
    for half in taken { fixture.give([half]) }
    #expect(fixture.pool.outstanding == 0)
    #expect(
      fixture.pool.census() == Census(capacity: 2 * pages, counts: [.free: 2 * pages]))
    #expect(Set(fixture.take(burst: burst).map(\.index)).count == 2 * pages)
    fixture.give(taken)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func theOwnersHalvesComeStraightBackWhileTheirSiblingsAreOut() throws {
    let fixture = try Fixture(pages: 4)
    let taken = fixture.take()
    let evens = taken.filter { $0.index % 2 == 0 }
    fixture.give(evens)
    #expect(fixture.pool.census()[.free] == 4)
    #expect(Set(fixture.take().map(\.index)) == Set(evens.map(\.index)))
    fixture.give(taken)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func aPageReturnsFromAfarOnlyWhenItsLastHalfIsHome() throws {
    let fixture = try Fixture(pages: 8)
    let taken = fixture.take()
    fixture.giveFromAfar(taken.filter { $0.index % 2 == 0 })
    #expect(fixture.take().isEmpty)
    #expect(fixture.pool.census()[.shared] == 8)
    #expect(fixture.pool.census()[.receive] == 8)
    #expect(fixture.pool.census().balances)
    fixture.giveFromAfar(taken.filter { $0.index % 2 == 1 })
    #expect(fixture.pool.census()[.free] == 16)
    #expect(Set(fixture.take().map(\.index)) == Set(taken.map(\.index)))
    fixture.give(taken)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func aHalfTakesAlongTheOtherThatCameHomeMeanwhile() throws {
    let fixture = try Fixture(pages: 1)
    let taken = fixture.take()
    fixture.giveFromAfar([taken[0]])
    // The owner has nothing: the page is still used.
    #expect(fixture.take().isEmpty)
    fixture.give([taken[1]])
    #expect(fixture.pool.census()[.free] == 2)
    #expect(fixture.statistic("rx_page_flipped") == 0)
    #expect(Set(fixture.take().map(\.index)) == Set(taken.map(\.index)))
    #expect(fixture.statistic("rx_page_flipped") == 1)
    #expect(fixture.statistic("alloc_rx_page") == 1)
    fixture.give(taken)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func whatTheStackHasNoRoomForGoesBackToThePages() throws {
    let fixture = try Fixture(pages: 200)
    let taken = fixture.take()
    #expect(taken.count == 400)
    fixture.give(taken.shuffled())
    #expect(fixture.pool.census()[.free] == 400)
    #expect(fixture.take().count == 400)
    fixture.give(taken)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test(arguments: [1, 3])
  func whatTheRingHasNoRoomForGoesBackToTheSource(ring: Int) throws {
    let fixture = try Fixture(pages: 64, ring: ring)
    let taken = fixture.take()
    fixture.giveFromAfar(taken)
    #expect(fixture.pool.outstanding == 0)
    #expect(Set(fixture.take().map(\.index)) == Set(taken.map(\.index)))
    fixture.give(taken)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func aHalfThatComesHomeTwiceIsCountedAndLeftAlone() throws {
    let fixture = try Fixture(pages: 2)
    let taken = fixture.take()
    fixture.giveFromAfar([taken[0]])
    fixture.giveFromAfar([taken[0]])
    fixture.give([taken[0]])
    #expect(fixture.pool.census().doubleFree == 2)
    // The other half is still used, and nobody got its page.
    #expect(fixture.take().isEmpty)
    fixture.give(Array(taken[1...]))
    #expect(fixture.take().count == 4)
    fixture.give(taken)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func neighboursDoNotShareTheirGenerations() throws {
    let fixture = try Fixture(pages: 1)
    let base = unsafe fixture.registry.arena.base
    let taken = fixture.take()
    let slots = taken.map { Slot($0) }
    fixture.give([taken[0]])
    #expect(unsafe slots[0].descriptor(base: base) == nil)
    #expect(unsafe slots[1].descriptor(base: base) == taken[1])
    fixture.give([taken[1]])
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func aClosedPoolWaitsForItsLastHalfAndNamesTheHolder() throws {
    let fixture = try Fixture(pages: 4)
    let taken = fixture.take()
    taken[0].setOwner(.worker, number: 2)
    taken[7].setOwner(.ring, number: 1)
    fixture.give(Array(taken[1..<7]))
    let drain = try #require(fixture.pool.destroy())
    #expect(drain.outstanding == 2)
    #expect(drain.description == "pool 1 waits for 2 buffers: worker 1, ring 1")
    #expect(fixture.pool.census()[.shared] == 2)
    Frame(owning: taken[0]).recycle(.shutdown)
    #expect(fixture.pool.collect()?.holders == [.ring: 1])
    onAnotherThread { Frame(owning: taken[7]).recycle(.shutdown) }
    #expect(fixture.pool.collect() == nil)
    #expect(fixture.pool.census()[.free] == 8)
  }

  @Test func aPacketOfSeveralHalvesComesHomeWhole() throws {
    let fixture = try Fixture(pages: 8)
    let queue = try fixture.registry.registerQueue(
      port: 1, queue: 0, memory: fixture.pool.memory)
    let halves = fixture.take(5)
    var packet = Buff(owning: halves[0], queue: queue, headroom: 192, byteCount: 1_536)
    for half in halves[1...] {
      // Safe to drop: a packet takes 17 fragments.
      _ = packet.addFragment(Storage(owning: half), offset: 0, byteCount: 2_048)
    }
    #expect(packet.byteCount == 1_536 + 4 * 2_048)
    packet.descriptor.setOwner(.worker, number: 1)
    #expect(fixture.pool.census()[.worker] == 5)
    packet.recycle(.programDrop)
    #expect(fixture.pool.census()[.free] == 16)
    #expect(fixture.pool.destroy() == nil)
  }

  @Test func impossibleParametersAreRefusedByName() throws {
    let registry = MemoryRegistry(arena: try Arena())
    #expect(
      throws: MemoryModelError.invalid(
        parameter: "pageCount", value: 0, allowed: "1...1048576")
    ) { try SharedPagePool(registry: registry, pageCount: 0) }
    #expect(
      throws: MemoryModelError.invalid(
        parameter: "ringCapacity", value: -1, allowed: "0 or more")
    ) { try SharedPagePool(registry: registry, pageCount: 1, ringCapacity: -1) }
  }

  @Test func aDestroyedPoolGivesItsMemoryBack() throws {
    let arena = try Arena()
    let registry = MemoryRegistry(arena: arena)
    let before = arena.freeByteCounts
    for _ in 0..<50 {
      let pool = try SharedPagePool(registry: registry, pageCount: 16)
      let half = pool.allocate()
      half?.recycle()
      #expect(pool.destroy() == nil)
    }
    #expect(arena.freeByteCounts == before)
  }

  /// Random allocations and returns, by the owner and from afar, against a list of what is out.
  @Test(arguments: 1...8)
  func noHalfIsEverLostOrHandedOutTwice(seed: UInt64) throws {
    let fixture = try Fixture(pages: 150, ring: 8)
    var random = SplitMix(state: seed)
    var out: [Descriptor] = []
    for _ in 0..<400 {
      if random.next() % 2 == 0 {
        let taken = fixture.take(Int(random.next() % 100))
        out += taken
        #expect(Set(out.map(\.index)).count == out.count)
        #expect(taken.allSatisfy { $0.owner == .receive })
      } else {
        let count = min(Int(random.next() % 100), out.count)
        let given = (0..<count).map { _ in
          out.remove(at: Int(random.next() % UInt64(out.count)))
        }
        if random.next() % 2 == 0 { fixture.give(given) } else { fixture.giveFromAfar(given) }
      }
      let census = fixture.pool.census()
      #expect(census.balances)
      #expect(census[.receive] == out.count)
    }
    // When only free halves and those that wait are left, everything that is free can be had.
    let census = fixture.pool.census()
    let rest = fixture.take()
    #expect(rest.count == census[.free])
    #expect(rest.allSatisfy { sibling(of: $0).owner == .receive })
    fixture.give(rest + out)
    #expect(fixture.pool.census()[.free] == 300)
    #expect(fixture.pool.destroy() == nil)
  }
}
