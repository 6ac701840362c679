// SPDX-License-Identifier: Apache-2.0

import Arena
import Glibc
import MemModels
import Testing
import XDPFrame

/// Makes a pool in an arena of its own.
private func makePool(pages: Int, ring: Int = 1_024) throws -> (MemoryRegistry, PagePool) {
  let registry = MemoryRegistry(arena: try Arena())
  return (registry, try PagePool(registry: registry, pageCount: pages, ringCapacity: ring))
}

private func statistic(_ pool: PagePool, _ name: String) -> UInt64 {
  pool.statistics.first { $0.name == name }?.value ?? .max
}

/// Takes everything a pool has, in bursts of `burst`.
private func takeAll(_ pool: PagePool, burst: Int) -> [Descriptor] {
  var taken: [Descriptor] = []
  let room = UnsafeMutablePointer<Storage>.allocate(capacity: burst)
  defer { unsafe room.deallocate() }
  while true {
    let count = unsafe pool.allocate(into: room, count: burst)
    for position in 0..<count { taken.append(unsafe (room + position).move().take()) }
    if count < burst { return taken }
  }
}

private func give(_ pages: [Descriptor], to pool: PagePool) {
  var pages = pages
  unsafe pages.withUnsafeMutableBufferPointer {
    guard let start = $0.baseAddress else { return }
    unsafe pool.recycle(start, count: $0.count)
  }
}

@Suite struct PagePoolTests {
  @Test(arguments: [1, 63, 64, 65, 128, 129, 1_000], [1, 7, 64])
  func everyPageIsHandedOutOnceAndComesHome(pages: Int, burst: Int) throws {
    let (registry, pool) = try makePool(pages: pages)
    let taken = takeAll(pool, burst: burst)
    #expect(Set(taken.map(\.index)).count == pages)
    #expect(pool.outstanding == pages)
    #expect(pool.census()[.receive] == pages)
    for page in taken { give([page], to: pool) }
    #expect(pool.outstanding == 0)
    #expect(pool.census() == Census(capacity: pages, counts: [.free: pages]))
    #expect(pool.destroy() == nil)
    #expect(registry.abandonedCount(of: pool.memory.id) == 0)
  }

  @Test func theOwnersPagesGoIntoTheCacheUntilItIsFull() throws {
    let (_, pool) = try makePool(pages: 200)
    give(takeAll(pool, burst: 64), to: pool)
    #expect(statistic(pool, "rx_pp_recycle_cached") == 128)
    #expect(statistic(pool, "rx_pp_recycle_cache_full") == 72)
    #expect(statistic(pool, "rx_pp_recycle_ring") == 72)
    #expect(pool.destroy() == nil)
  }

  @Test func pagesFromAnotherThreadGoThroughTheRing() async throws {
    let (_, pool) = try makePool(pages: 64)
    let taken = takeAll(pool, burst: 64)
    onAnotherThread { give(taken, to: pool) }
    #expect(statistic(pool, "rx_pp_recycle_cached") == 0)
    #expect(statistic(pool, "rx_pp_recycle_ring") == 64)
    let again = takeAll(pool, burst: 64)
    #expect(again.count == 64)
    #expect(statistic(pool, "rx_pp_alloc_refill") == 1)
    #expect(pool.destroy()?.outstanding == 64)
    give(again, to: pool)
    #expect(pool.collect() == nil)
  }

  @Test func whatTheRingHasNoRoomForGoesBackToTheSource() throws {
    let (_, pool) = try makePool(pages: 64, ring: 16)
    let taken = takeAll(pool, burst: 64)
    onAnotherThread { give(taken, to: pool) }
    #expect(statistic(pool, "rx_pp_recycle_ring") == 16)
    #expect(statistic(pool, "rx_pp_recycle_ring_full") == 1)
    #expect(pool.outstanding == 0)
    let again = takeAll(pool, burst: 64)
    #expect(Set(again.map(\.index)) == Set(taken.map(\.index)))
    give(again, to: pool)
    #expect(pool.destroy() == nil)
  }

  @Test func aPageThatComesHomeTwiceIsCountedAndLeftAlone() throws {
    let (_, pool) = try makePool(pages: 4)
    let taken = takeAll(pool, burst: 4)
    give(taken, to: pool)
    give([taken[0]], to: pool)
    #expect(pool.census().doubleFree == 1)
    #expect(pool.outstanding == 0)
    let again = takeAll(pool, burst: 4)
    #expect(again.count == 4)
    give(again, to: pool)
    #expect(pool.destroy() == nil)
  }

  @Test func aSlotIsStaleOnceItsPageWasRecycled() throws {
    let (registry, pool) = try makePool(pages: 1)
    let page = takeAll(pool, burst: 1)[0]
    let slot = Slot(page)
    #expect(unsafe slot.descriptor(base: registry.arena.base) == page)
    give([page], to: pool)
    #expect(unsafe slot.descriptor(base: registry.arena.base) == nil)
    #expect(pool.destroy() == nil)
  }

  @Test func aClosedPoolWaitsForItsLastPageAndNamesTheHolder() throws {
    let (registry, pool) = try makePool(pages: 8)
    let taken = takeAll(pool, burst: 8)
    taken[0].setOwner(.worker, number: 3)
    taken[1].setOwner(.ring, number: 1)
    give(Array(taken[2...]), to: pool)
    let drain = try #require(pool.destroy())
    #expect(drain.outstanding == 2)
    #expect(drain.description == "pool 1 waits for 2 buffers: worker 1, ring 1")
    MemoryRegistryProbe.recycle([taken[0], taken[1]])
    #expect(pool.collect() == nil)
    #expect(try registry.reserveID() == 2)
  }

  @Test func droppingAHandleSendsItHomeAndCounts() throws {
    let (registry, pool) = try makePool(pages: 2)
    do { _ = pool.allocate() }
    #expect(pool.outstanding == 0)
    #expect(registry.abandonedCount(of: pool.memory.id) == 1)
    #expect(pool.census().abandoned == 1)
    #expect(pool.destroy() == nil)
  }

  @Test func impossibleParametersAreRefusedByName() throws {
    let registry = MemoryRegistry(arena: try Arena())
    #expect(
      throws: MemoryModelError.invalid(
        parameter: "pageCount", value: 0, allowed: "1...1048576")
    ) { try PagePool(registry: registry, pageCount: 0) }
    #expect(
      throws: MemoryModelError.invalid(
        parameter: "ringCapacity", value: -1, allowed: "0 or more")
    ) { try PagePool(registry: registry, pageCount: 1, ringCapacity: -1) }
  }

  /// A ring of 0 slots is one of 1,024, and one above 16,384 is one of 16,384, as in `page_pool_init()`.
  @Test(arguments: [(0, 1_024), (1, 1), (512, 512), (16_384, 16_384), (16_385, 16_384)])
  func theRingIsAsLargeAsTheKernelWouldMakeIt(wanted: Int, slots: Int) throws {
    let (_, pool) = try makePool(pages: 16_500, ring: wanted)
    let taken = takeAll(pool, burst: 64)
    onAnotherThread { give(taken, to: pool) }
    #expect(statistic(pool, "rx_pp_recycle_ring") == UInt64(slots))
    #expect(statistic(pool, "rx_pp_recycle_ring_full") == 1)
    #expect(pool.destroy() == nil)
  }

  @Test func errorsHaveTheKernelsNumbers() {
    let refused = ArenaError.refused(call: "mmap", errno: EPERM)
    let exhausted = ArenaError.exhausted(region: "arena", byteCount: 1, freeByteCount: 0)
    let errors: [MemoryModelError] = [
      .invalid(parameter: "pageCount", value: 0, allowed: "1 or more"), .memory(refused),
      .memory(exhausted), .memory(.invalidByteCount(1)), .registry(.noID),
    ]
    #expect(errors.map(\.errno) == [EINVAL, EPERM, ENOMEM, EINVAL, ENOSPC])
  }

  /// Every allocation is counted once, under what it took: `page_pool_alloc_netmems()`.
  @Test func theElevenStatisticsCountWhatTheKernelCounts() throws {
    let (_, pool) = try makePool(pages: 200)
    #expect(pool.statistics.map(\.name) == Self.names)
    // 64 pages a refill: three times, and the last 8; then there are none.
    var taken = (0..<200).compactMap { _ in pool.allocate()?.take() }
    #expect(pool.allocate()?.take() == nil)
    expect(pool, fast: 196, slow: 4, empty: 5)
    // From afar: 150 go through the ring, and come back 64 at a time.
    let away = Array(taken[50...])
    onAnotherThread { give(away, to: pool) }
    taken = Array(taken[..<50]) + takeAll(pool, burst: 150)
    expect(pool, fast: 196 + 147, slow: 4, empty: 6, refill: 3, ring: 150)
    // The owner's own: 128 into the cache, the others into the ring.
    give(taken, to: pool)
    expect(
      pool, fast: 196 + 147, slow: 4, empty: 6, refill: 3, cached: 128, cacheFull: 72,
      ring: 150 + 72)
    #expect(pool.destroy() == nil)
  }

  private func expect(
    _ pool: PagePool, fast: UInt64, slow: UInt64, empty: UInt64, refill: UInt64 = 0,
    cached: UInt64 = 0, cacheFull: UInt64 = 0, ring: UInt64 = 0,
    at location: SourceLocation = #_sourceLocation
  ) {
    #expect(
      pool.statistics.map(\.value) == [
        fast, slow, 0, empty, refill, 0, cached, cacheFull, ring, 0, 0,
      ], sourceLocation: location)
  }

  private static let names = [
    "rx_pp_alloc_fast", "rx_pp_alloc_slow", "rx_pp_alloc_slow_ho", "rx_pp_alloc_empty",
    "rx_pp_alloc_refill", "rx_pp_alloc_waive", "rx_pp_recycle_cached",
    "rx_pp_recycle_cache_full", "rx_pp_recycle_ring", "rx_pp_recycle_ring_full",
    "rx_pp_recycle_released_ref",
  ]

  @Test func aDestroyedPoolGivesItsMemoryBack() throws {
    let arena = try Arena()
    let registry = MemoryRegistry(arena: arena)
    let before = arena.freeByteCounts
    for _ in 0..<100 {
      let pool = try PagePool(registry: registry, pageCount: 64)
      give(takeAll(pool, burst: 64), to: pool)
      #expect(pool.destroy() == nil)
    }
    #expect(arena.freeByteCounts == before)
  }
}

/// Ends frames as their last holder would, through the registry.
private enum MemoryRegistryProbe {
  static func recycle(_ descriptors: [Descriptor]) {
    for descriptor in descriptors { Frame(owning: descriptor).recycle(.shutdown) }
  }
}
