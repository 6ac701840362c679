// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Testing
import XDPFrame

/// Pages of a page pool that are handed out in halves, each with a user of its own.
@Suite struct PagePoolHalvesTests {
  private let registry: MemoryRegistry
  private let pool: PagePool

  init() throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: 4, ringCapacity: 2)
  }

  private func take(_ byteCount: Int) throws -> Descriptor {
    guard let storage = pool.allocate(byteCount: byteCount) else { throw Missing() }
    return storage.take()
  }

  private struct Missing: Error {}

  private func give(_ buffers: Descriptor...) {
    for buffer in buffers { Storage(owning: buffer).recycle() }
  }

  /// `page_pool_alloc()`: a fragment where two fit into a page, and the size that the buffer really has.
  @Test(arguments: [(1, 2_048), (2_047, 2_048), (2_048, 2_048), (2_049, 4_096), (4_096, 4_096)])
  func aBufferIsAsLargeAsItMustBe(wanted: Int, byteCount: UInt32) throws {
    let buffer = try take(wanted)
    #expect(buffer.frameByteCount == byteCount)
    #expect(buffer.memory == pool.memory)
    let info = UInt(bitPattern: unsafe buffer.sharedInfo.fragments) - 48
    unsafe #expect(info == UInt(bitPattern: buffer.hardStart) + UInt(byteCount) - 320)
    give(buffer)
    #expect(pool.destroy() == nil)
  }

  @Test(arguments: [0, -1, 4_097])
  func noBufferIsLargerThanAPage(byteCount: Int) async {
    await #expect(processExitsWith: .failure) { [byteCount] in
      let registry = MemoryRegistry(arena: try Arena())
      let pool = try PagePool(registry: registry, pageCount: 1)
      _ = pool.allocate(byteCount: byteCount)
    }
    #expect(pool.destroy() == nil)
  }

  @Test func aPageIsHomeWhenBothHalvesAre() throws {
    let halves = try (0..<8).map { _ in try take(100) }
    #expect(Set(halves.map(\.index)).count == 8)
    #expect(pool.allocate(byteCount: 1)?.take() == nil)
    #expect(pool.allocate()?.take() == nil)
    #expect(pool.outstanding == 4)
    give(halves[0], halves[2], halves[5], halves[7])
    #expect(pool.outstanding == 4)
    #expect(pool.census() == Census(capacity: 4, counts: [.receive: 4]))
    give(halves[1], halves[4])
    #expect(pool.outstanding == 2)
    // Whole again: the next one to take it has all of it.
    let pages = [try take(4_096), try take(4_096)]
    #expect(pages.allSatisfy { $0.frameByteCount == 4_096 && $0.index % 2 == 0 })
    give(pages[0], pages[1], halves[3], halves[6])
    #expect(pool.census() == Census(capacity: 4, counts: [.free: 4]))
    #expect(pool.destroy() == nil)
  }

  @Test func halvesComeHomeFromTwoThreadsInEitherOrder() throws {
    for order in [[0, 1], [1, 0]] {
      let halves = [try take(2_048), try take(2_048)]
      for number in order { onAnotherThread { give(halves[number]) } }
      #expect(pool.outstanding == 0)
    }
    #expect(pool.destroy() == nil)
  }

  @Test func theSecondHalfOfAPageIsHandedOutFirst() throws {
    let first = try take(2_000)
    let whole = try take(3_000)
    let second = try take(2_000)
    #expect(second.index == first.index + 1)
    #expect(whole.index != first.index)
    give(first, second, whole)
    #expect(pool.destroy() == nil)
  }

  @Test func aHalfThatComesHomeTwiceIsCountedAndLeftAlone() throws {
    let halves = [try take(1), try take(1)]
    give(halves[0], halves[0])
    #expect(pool.census().doubleFree == 1)
    #expect(pool.outstanding == 1)
    give(halves[1])
    #expect(pool.outstanding == 0)
    #expect(pool.destroy() == nil)
  }

  @Test func aPageIsHeldByWhoeverHoldsItsHalves() throws {
    let halves = [try take(1), try take(1)]
    halves[0].owner = .worker
    #expect(pool.census() == Census(capacity: 4, counts: [.free: 3, .shared: 1]))
    halves[1].owner = .worker
    #expect(pool.census() == Census(capacity: 4, counts: [.free: 3, .worker: 1]))
    give(halves[0])
    #expect(pool.census() == Census(capacity: 4, counts: [.free: 3, .worker: 1]))
    give(halves[1])
    #expect(pool.destroy() == nil)
  }

  @Test func aClosedPoolWaitsForHalvesAndNamesTheirHolders() throws {
    let halves = try (0..<3).map { _ in try take(1) }
    halves[0].owner = .worker
    halves[1].owner = .ring
    halves[2].owner = .held
    let drain = try #require(pool.destroy())
    #expect(drain.description == "pool 1 waits for 3 buffers: worker 1, ring 1, held 1")
    give(halves[0], halves[2])
    #expect(pool.collect()?.holders == [.ring: 1])
    onAnotherThread { give(halves[1]) }
    #expect(pool.collect() == nil)
  }

  /// The half in the pool's hand is nobody's to return.
  @Test func aPoolThatIsClosedDropsTheHalfInItsHand() throws {
    let half = try take(1)
    give(half)
    #expect(pool.outstanding == 1)
    #expect(pool.census() == Census(capacity: 4, counts: [.free: 4]))
    #expect(pool.destroy() == nil)
    #expect(pool.outstanding == 0)
  }
}
