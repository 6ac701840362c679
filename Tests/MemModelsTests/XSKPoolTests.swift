// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Rings
import Synchronization
import Testing
import XDPFrame

private func makeUMEM(chunks: Int, chunkByteCount: Int = 4_096) throws -> UMEM {
  let registry = MemoryRegistry(arena: try Arena())
  return try UMEM(registry: registry, chunkCount: chunks, chunkByteCount: chunkByteCount)
}

private func takeAll(_ pool: XSKPool, burst: Int) -> [Descriptor] {
  var taken: [Descriptor] = []
  let room = UnsafeMutablePointer<Storage>.allocate(capacity: burst)
  defer { unsafe room.deallocate() }
  while true {
    let count = unsafe pool.allocate(into: room, count: burst)
    for position in 0..<count { taken.append(unsafe (room + position).move().take()) }
    if count < burst { return taken }
  }
}

private func give(_ chunks: [Descriptor]) {
  var chunks = chunks
  unsafe chunks.withUnsafeMutableBufferPointer {
    guard let start = $0.baseAddress else { return }
    unsafe MemoryRegistry.recycle(buffers: start, count: $0.count)
  }
}

// Safe: the memory is the ring's own, and outlives both of its sides.
/// A fill ring in plain memory, and its other side.
@safe
private final class FillRing {
  let ring: AddressRing
  let capacity: Int
  private let memory: UnsafeMutableRawPointer

  init(capacity: Int) {
    self.capacity = capacity
    unsafe memory = .allocate(byteCount: 256 + 8 * capacity, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: 256 + 8 * capacity)
    let offsets = xdp_ring_offset(producer: 64, consumer: 128, desc: 256, flags: 192)
    unsafe ring = AddressRing(
      initializing: memory, mapping: memory, offsets: offsets, capacity: capacity)
  }

  deinit { unsafe memory.deallocate() }

  /// Takes everything out.
  func take() -> [UInt64] {
    let producer = unsafe memory.load(fromByteOffset: 64, as: UInt32.self)
    let consumer = unsafe memory.load(fromByteOffset: 128, as: UInt32.self)
    unsafe memory.storeBytes(of: producer, toByteOffset: 128, as: UInt32.self)
    return (0..<(producer &- consumer)).map { position in
      let slot = Int(consumer &+ position) & (capacity - 1)
      return unsafe memory.load(fromByteOffset: 256 + 8 * slot, as: UInt64.self)
    }
  }
}

@Suite struct XSKPoolTests {
  @Test(arguments: [1, 63, 64, 1_000], [1, 7, 64])
  func everyChunkIsHandedOutOnceAndComesHome(chunks: Int, burst: Int) throws {
    let umem = try makeUMEM(chunks: chunks)
    let pool = try XSKPool(umem: umem, chunkCount: chunks)
    for _ in 0..<3 {
      let taken = takeAll(pool, burst: burst)
      #expect(Set(taken.map(\.index)).count == chunks)
      #expect(pool.outstanding == chunks && pool.census()[.receive] == chunks)
      for chunk in taken {
        #expect(chunk.memory == pool.memory && chunk.frameByteCount == 4_096)
        #expect(chunk.flags.contains(.sharedInfoBeside))
      }
      give(taken)
      #expect(pool.outstanding == 0)
    }
    #expect(pool.census() == Census(capacity: chunks, counts: [.free: chunks]))
    #expect(pool.destroy() == nil)
    #expect(umem.freeChunkCount == chunks)
  }

  @Test(arguments: [2_048, 4_096])
  func whatIsFilledIsClaimedOnceByItsAddress(chunkByteCount: Int) throws {
    let umem = try makeUMEM(chunks: 40, chunkByteCount: chunkByteCount)
    let first = try XSKPool(umem: umem, chunkCount: 8)
    let pool = try XSKPool(umem: umem, chunkCount: 32)
    let fill = FillRing(capacity: 16)
    #expect(pool.fill(fill.ring, count: 100) == 16)
    #expect(pool.fill(fill.ring, count: 100) == 0)
    let addresses = fill.take()
    // The pool's chunks lie behind those of the first.
    let range = UInt64(8 * chunkByteCount)..<UInt64(40 * chunkByteCount)
    #expect(Set(addresses).count == 16)
    #expect(addresses.allSatisfy { range.contains($0) && $0 % UInt64(chunkByteCount) == 0 })
    #expect(pool.census()[.fill] == 16)
    for address in addresses {
      #expect(first.claim(address: address, length: 60) == nil)
      let chunk = try #require(pool.claim(address: address + 256, length: 60))
      let start = UInt64(chunk.index) * 2_048 - UInt64(umem.segment.offset)
      #expect(start == address)
      #expect(pool.claim(address: address + 256, length: 60) == nil)
      give([chunk])
    }
    #expect(pool.fill(fill.ring, count: 100) == 16)
    #expect(pool.fill(fill.ring, count: 100) == 0)
    #expect(pool.destroy()?.holders == [.fill: 16])
    #expect(pool.reclaimFilled() == 16)
    #expect(pool.collect() == nil && first.destroy() == nil)
    #expect(umem.freeChunkCount == 40)
  }

  @Test func anEmptyPoolFillsWhatItHas() throws {
    let pool = try XSKPool(umem: try makeUMEM(chunks: 10), chunkCount: 10)
    let fill = FillRing(capacity: 16)
    #expect(pool.fill(fill.ring, count: 16) == 10)
    #expect(pool.fill(fill.ring, count: 16) == 0)
    #expect(takeAll(pool, burst: 4).isEmpty)
    #expect(pool.reclaimFilled() == 10)
    #expect(pool.destroy() == nil)
  }

  @Test func chunksFromAnotherThreadComeThroughTheRing() throws {
    let pool = try XSKPool(umem: try makeUMEM(chunks: 100), chunkCount: 100)
    let taken = takeAll(pool, burst: 64)
    onAnotherThread { give(taken) }
    #expect(pool.statistics.returned == 100 && pool.statistics.recycledByOwner == 0)
    #expect(pool.outstanding == 0)
    #expect(takeAll(pool, burst: 64).count == 100)
    #expect(pool.statistics.collected == 100)
    give(taken)
    #expect(pool.statistics.recycledByOwner == 100)
    #expect(pool.destroy() == nil)
  }

  @Test func aPoolThatChangesHandsBelongsToTheNewOwner() throws {
    let pool = try XSKPool(umem: try makeUMEM(chunks: 100), chunkCount: 100)
    onAnotherThread {
      pool.adopt()
      give(takeAll(pool, burst: 10))
    }
    #expect(pool.statistics.recycledByOwner == 100)
    pool.disown()
    give(takeAll(pool, burst: 10))
    #expect(pool.statistics.recycledByOwner == 100 && pool.statistics.returned == 100)
    #expect(pool.destroy() == nil)
    // A thread that comes late changes nothing.
    pool.adopt()
    #expect(pool.collect() == nil)
  }

  @Test func aChunkThatComesHomeTwiceIsCountedAndIgnored() throws {
    let pool = try XSKPool(umem: try makeUMEM(chunks: 10), chunkCount: 10)
    let taken = takeAll(pool, burst: 10)
    let generation = taken[0].generation
    give([taken[0], taken[0]])
    give([taken[0]])
    #expect(taken[0].generation == generation &+ 1)
    #expect(pool.census().doubleFree == 2)
    #expect(pool.outstanding == 9)
    give(Array(taken.dropFirst()))
    #expect(pool.destroy() == nil)
  }

  @Test func aClosedPoolWaitsForItsLastChunkAndNamesTheHolder() throws {
    let umem = try makeUMEM(chunks: 10)
    let pool = try XSKPool(umem: umem, chunkCount: 10)
    let taken = takeAll(pool, burst: 10)
    taken[3].setOwner(.worker, number: 2)
    taken[4].setOwner(.ring, number: 1)
    // A fragment's owner is its frame's.
    taken[5].head = taken[4].index
    let drain = pool.destroy()
    #expect(drain?.outstanding == 10)
    #expect(drain?.holders == [.receive: 7, .worker: 1, .ring: 2])
    taken[5].head = 0
    give(taken)
    #expect(pool.collect() == nil)
    #expect(pool.collect() == nil && pool.destroy() == nil)
    #expect(umem.freeChunkCount == 10)
  }

  @Test func runsOfChunksAreTakenAndJoinedAgain() throws {
    let umem = try makeUMEM(chunks: 100)
    let pools = try (0..<5).map { _ in try XSKPool(umem: umem, chunkCount: 20) }
    let error = #expect(throws: MemoryModelError.self) { try XSKPool(umem: umem, chunkCount: 1) }
    #expect(error?.description.contains("0 free chunks") == true)
    for position in [1, 3, 2] { #expect(pools[position].destroy() == nil) }
    // Three neighbours make one run again.
    let middle = try XSKPool(umem: umem, chunkCount: 60)
    #expect(umem.freeChunkCount == 0)
    #expect(middle.destroy() == nil && pools[0].destroy() == nil && pools[4].destroy() == nil)
    #expect(try XSKPool(umem: umem, chunkCount: 100).destroy() == nil)
  }

  @Test func sizesThatTheKernelRefusesAreRefused() throws {
    let registry = MemoryRegistry(arena: try Arena())
    for size in [0, 1_024, 4_095, 8_192] {
      #expect(throws: MemoryModelError.self) {
        try UMEM(registry: registry, chunkCount: 16, chunkByteCount: size)
      }
    }
    let umem = try UMEM(registry: registry, chunkCount: 16)
    for count in [0, 16_385] {
      #expect(throws: MemoryModelError.self) { try XSKPool(umem: umem, chunkCount: count) }
    }
  }

  @Test func whatASenderHadIsTakenBackByElimination() throws {
    let umem = try makeUMEM(chunks: 60)
    let pools = try (0..<3).map { _ in try XSKPool(umem: umem, chunkCount: 20) }
    let taken = pools.map { takeAll($0, burst: 20) }
    for (number, chunks) in taken.enumerated() {
      for (position, chunk) in chunks.enumerated() {
        chunk.setOwner(.transmit, number: UInt32(position % 2 + 1))
        let address = UInt64(chunk.index) * 2_048 - UInt64(umem.segment.offset)
        #expect(umem.transmitted(address + 5, by: UInt32(position % 2 + 1)) == chunk)
        #expect(umem.transmitted(address, by: 3) == nil)
      }
      #expect(pools[number].census()[.transmit] == 20)
    }
    #expect(umem.transmitted(UInt64(60 * 4_096), by: 1) == nil)
    #expect(umem.transmitted(.max, by: 1) == nil)
    #expect(umem.reclaimTransmitted(by: 1) == 30)
    for pool in pools { #expect(pool.census().counts == [.free: 10, .transmit: 10]) }
    #expect(umem.reclaimTransmitted(by: 2) == 30)
    for pool in pools { #expect(pool.destroy() == nil) }
  }
}

/// Chunks travel from their owner to four threads and home again, in bulks of random size.
@Suite struct XSKPoolStressTests {
  @Test func chunksComeHomeFromFourThreadsInRandomBulks() throws {
    let pool = try XSKPool(umem: try makeUMEM(chunks: 512), chunkCount: 512)
    let base = pool.umem.registry.arena
    let memory = unsafe (0..<4).map { _ in
      UnsafeMutableRawPointer.allocate(
        byteCount: SPSCRing.byteCount(capacity: 64), alignment: 64)
    }
    defer { unsafe memory.forEach { unsafe $0.deallocate() } }
    let queues = unsafe memory.map { unsafe SPSCRing(initializing: $0, capacity: 64) }
    let isDone = Atomic(false)
    let running = queues.map { queue in
      startThread { bringHome(from: queue, base, until: isDone) }
    }
    let fill = FillRing(capacity: 32)
    for round in 0..<20_000 {
      if pool.fill(fill.ring, count: 32) == 0 { sched_yield() }
      for address in fill.take() {
        guard let chunk = pool.claim(address: address + 256, length: 60) else {
          Issue.record("A chunk that was filled cannot be claimed.")
          continue
        }
        if !queues[round % 4].produce(UInt64(chunk.index)) { give([chunk]) }
      }
    }
    isDone.store(true, ordering: .releasing)
    for thread in running { thread.join() }
    let census = pool.census()
    #expect(census == Census(capacity: 512, counts: [.free: 512]))
    #expect(pool.destroy() == nil)
  }
}

private func bringHome(from queue: SPSCRing, _ arena: Arena, until isDone: borrowing Atomic<Bool>) {
  var random = UInt64(clinux_context())
  while true {
    let isLast = isDone.load(ordering: .acquiring)
    random = random &* 6_364_136_223_846_793_005 &+ 1
    var chunks: [Descriptor] = []
    for _ in 0...(random >> 59) {
      guard let index = queue.consume() else { break }
      chunks.append(unsafe Descriptor(base: arena.base, index: UInt32(index)))
    }
    give(chunks)
    if chunks.isEmpty {
      if isLast { return }
      sched_yield()
    }
  }
}
