// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Rings
import Synchronization
import Testing
import XDPFrame

/// Halves of the same page are in the hands of different threads at once and come home in any order.
@Suite struct SharedPagePoolStressTests {
  @Test(arguments: [16, 1_024])
  func siblingsComeHomeFromDifferentThreads(ring: Int) throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try SharedPagePool(registry: registry, pageCount: 256, ringCapacity: ring)
    let memory = unsafe (0..<4).map { _ in
      UnsafeMutableRawPointer.allocate(
        byteCount: SPSCRing.byteCount(capacity: 64), alignment: 64)
    }
    defer { unsafe memory.forEach { unsafe $0.deallocate() } }
    let queues = unsafe memory.map { unsafe SPSCRing(initializing: $0, capacity: 64) }
    let isDone = Atomic(false)
    let arena = registry.arena
    let running = queues.enumerated().map { number, queue in
      startThread { returnHalves(from: queue, arena: arena, seed: number, until: isDone) }
    }
    produce(rounds: 10_000, from: pool, to: queues)
    isDone.store(true, ordering: .releasing)
    for thread in running { thread.join() }
    #expect(
      pool.census() == Census(capacity: 512, counts: [.free: 512]))
    #expect(pool.destroy() == nil)
  }

  /// Marks each half with its own number, and hands neighbours to different threads.
  private func produce(rounds: Int, from pool: SharedPagePool, to queues: [SPSCRing]) {
    var random = SplitMix(state: 11)
    for round in 0..<rounds {
      guard let storage = pool.allocate() else { continue }
      let half = storage.take()
      half.byteCount = 64
      half.flags = []
      unsafe half.hardStart.storeBytes(of: half.index, as: UInt32.self)
      let queue = queues[round % queues.count]
      let isMine = random.next() % 8 == 0
      if isMine || !queue.produce(Slot(half).rawValue) {
        Frame(owning: half).recycle(.programDrop)
      }
    }
  }
}

private func returnHalves(
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
      guard let half = unsafe slot.descriptor(base: arena.base) else {
        Issue.record("A half that nobody returned has a stale slot.")
        continue
      }
      let mark = unsafe half.hardStart.load(as: UInt32.self)
      if mark != half.index { Issue.record("Somebody else wrote into half \(half.index).") }
      bulk.append(Frame(owning: half))
    }
    bulk.recycle(.programDrop)
  }
}
