// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Rings
import Synchronization
import Testing
import XDPFrame

/// Pages travel from their owner to four threads and home again, in bulks of random size.
@Suite struct PagePoolStressTests {
  @Test(arguments: [16, 1_024])
  func pagesComeHomeFromFourThreadsInRandomBulks(ring: Int) throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PagePool(registry: registry, pageCount: 512, ringCapacity: ring)
    let threads = 4
    let rounds = 20_000
    let memory = unsafe (0..<threads).map { _ in
      UnsafeMutableRawPointer.allocate(
        byteCount: SPSCRing.byteCount(capacity: 64), alignment: 64)
    }
    defer { unsafe memory.forEach { unsafe $0.deallocate() } }
    let queues = unsafe memory.map { unsafe SPSCRing(initializing: $0, capacity: 64) }
    let isDone = Atomic(false)
    let arena = registry.arena
    let running = queues.enumerated().map { number, queue in
      startThread { returnPages(from: queue, arena: arena, seed: number, until: isDone) }
    }
    produce(rounds: rounds, from: pool, to: queues)
    isDone.store(true, ordering: .releasing)
    for thread in running { thread.join() }
    let census = pool.census()
    #expect(census.balances)
    #expect(census[.free] == 512)
    #expect(census.doubleFree == 0)
    #expect(census.abandoned == 0)
    #expect(pool.outstanding == 0)
    #expect(pool.destroy() == nil)
  }

  private func produce(rounds: Int, from pool: PagePool, to queues: [SPSCRing]) {
    var random = SplitMix(state: 7)
    for round in 0..<rounds {
      guard let storage = pool.allocate() else { continue }
      let page = storage.take()
      page.byteCount = 64
      page.flags = []
      let queue = queues[round % queues.count]
      let isMine = random.next() % 8 == 0
      if isMine || !queue.produce(Slot(page).rawValue) {
        Frame(owning: page).recycle(.programDrop)
      }
    }
  }
}

private func returnPages(
  from queue: SPSCRing, arena: Arena, seed: Int, until isDone: borrowing Atomic<Bool>
) {
  var random = SplitMix(state: UInt64(seed))
  var bulk = FrameBulk()
  let room = UnsafeMutablePointer<UInt64>.allocate(capacity: 64)
  defer { unsafe room.deallocate() }
  while true {
    let isLast = isDone.load(ordering: .acquiring)
    let count = unsafe queue.consume(into: room, count: 1 + Int(random.next() % 64))
    if count == 0, isLast { return }
    for position in 0..<count {
      let slot = unsafe Slot(rawValue: room[position])
      guard let page = unsafe slot.descriptor(base: arena.base) else { continue }
      bulk.append(Frame(owning: page))
    }
    bulk.recycle(.programDrop)
  }
}

/// A small generator of the same numbers every time.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
