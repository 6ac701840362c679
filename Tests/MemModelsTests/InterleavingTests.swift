// SPDX-License-Identifier: Apache-2.0

import Arena
import Glibc
import MemModels
import Rings
import Synchronization
import Testing
import XDPFrame

/// The owner and three other threads allocate, build packets, pass on, keep and return them at random.
///
/// Whenever they rest, the census must agree with what is in their hands. SEED in the environment plays one again.
@Suite struct InterleavingTests {
  private static let firstSeed =
    unsafe getenv("SEED").flatMap { unsafe UInt64(String(cString: $0)) }
    ?? UInt64.random(in: 0..<1_000_000)

  @Test(arguments: ModelUnderTest.allCases, 0..<3 as Range<UInt64>)
  func everyBufferHasOneOwnerWheneverTheThreadsRest(kind: ModelUnderTest, game: UInt64) throws {
    let seed = Self.firstSeed &+ game
    if game == 0 { print("\(kind): SEED=\(seed)") }
    let pool = try kind.make()
    let players = (0..<4).map { Player(seed: seed &* 4 &+ $0) }
    for round in 0..<5 {
      play(pool, players)
      let census = pool.model.census()
      let held = pool.units(players)
      let moment: Comment = "SEED=\(seed), round \(round)"
      #expect(census.balances && census[.held] == held, moment)
      #expect(census[.free] + census[.shared] == census.capacity - held, moment)
      #expect(held...held + pool.mostInHand ~= pool.outstanding(), moment)
      #expect(census.doubleFree == 0 && census.abandoned == 0, moment)
    }
    close(pool, players, "SEED=\(seed)")
  }

  @Test(arguments: ModelUnderTest.allCases)
  func aModelThatIsGoneLeavesTheNextOneWithItsIDAlone(kind: ModelUnderTest) throws {
    let pool = try kind.make()
    #expect(pool.destroy() == nil)
    let registry = pool.registry
    var id: UInt16 = 0
    while id != pool.model.memory.id {
      id = try registry.reserveID()
      if id != pool.model.memory.id { registry.disconnect(id) }
    }
    #expect(pool.collect() == nil)
    // The circle passes every other id before it could come to one that was given back.
    for _ in 0..<65_533 {
      let next = try registry.reserveID()
      #expect(next != id)
      registry.disconnect(next)
    }
  }

  /// One round: the calling thread owns the pool and feeds the others.
  private func play(_ pool: PoolUnderTest, _ players: [Player]) {
    let byteCount = SPSCRing.byteCount(capacity: 64)
    let memory = unsafe (1..<4).map { _ in
      UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    }
    defer { unsafe memory.forEach { unsafe $0.deallocate() } }
    let queues = unsafe memory.map { unsafe SPSCRing(initializing: $0, capacity: 64) }
    let isDone = Atomic(false)
    let arena = pool.registry.arena
    let running = zip(players.dropFirst(), queues).map { player, queue in
      startThread { player.receive(from: queue, arena: arena, until: isDone) }
    }
    pool.adopt()
    players[0].feed(queues, from: pool, rounds: 1_000)
    isDone.store(true, ordering: .releasing)
    for thread in running { thread.join() }
  }

  /// Closes the pool while buffers are in four hands, which all return them at once.
  private func close(_ pool: PoolUnderTest, _ players: [Player], _ moment: Comment) {
    let held = pool.units(players)
    let drain = pool.destroy()
    #expect((drain == nil) == (held == 0), moment)
    #expect(drain?.holders[.held] ?? 0 >= held, moment)
    let running = players.map { player in startThread { player.returnAll() } }
    while pool.collect() != nil {}
    // The pool was let go while its last buffer's thread may still have been on its way out of it.
    for thread in running { thread.join() }
    let census = pool.model.census()
    #expect(census.counts == [.free: census.capacity] && census.doubleFree == 0, moment)
  }
}

/// One thread's packets, and its dice.
private final class Player {
  /// The first buffers of packets at rest.
  private(set) var hand: [Descriptor] = []
  private var random: SplitMix

  init(seed: UInt64) { random = SplitMix(state: seed) }

  /// Allocates in bursts and makes packets of 1 to 18 buffers; keeps some, passes most on, returns others directly.
  func feed(_ queues: [SPSCRing], from pool: PoolUnderTest, rounds: Int) {
    let room = UnsafeMutablePointer<Storage>.allocate(capacity: 64)
    defer { unsafe room.deallocate() }
    for _ in 0..<rounds {
      let count = unsafe pool.take(room, 1 + roll(64), roll(2) == 0)
      var position = 0
      while position < count {
        let most = min(count - position, roll(3) == 0 ? 18 : 1)
        let packet = unsafe pack(room + position, count: 1 + roll(most), of: pool)
        position += packet.count
        if roll(4) == 0 || !queues[roll(queues.count)].produce(Slot(packet.head).rawValue) {
          hand.append(packet.head)
        }
      }
      returnSome()
    }
  }

  /// Makes one packet of buffers; a half that is not handed back but joined counts as well.
  private func pack(
    _ buffers: UnsafeMutablePointer<Storage>, count: Int, of pool: PoolUnderTest
  ) -> (head: Descriptor, count: Int) {
    let head = unsafe buffers.move().take()
    var packet = Buff(owning: head, queue: pool.queue, headroom: 64, byteCount: 100)
    for position in 1..<max(count, 1) {
      let buffer = unsafe (buffers + position).move()
      let byteCount = Int(buffer.descriptor.frameByteCount)
      packet.addFragment(buffer, offset: 0, byteCount: byteCount)?.recycle()
    }
    guard let frame = Frame(packet) else { fatalError("A packet that was just made may rest.") }
    head.owner = .held
    return (frame.take(), count)
  }

  /// Takes what comes, and returns some of what it has; leaves nothing in the queue.
  func receive(from queue: SPSCRing, arena: Arena, until isDone: borrowing Atomic<Bool>) {
    let room = UnsafeMutablePointer<UInt64>.allocate(capacity: 64)
    defer { unsafe room.deallocate() }
    while true {
      let isLast = isDone.load(ordering: .acquiring)
      let count = unsafe queue.consume(into: room, count: 1 + roll(64))
      if count == 0, isLast { return }
      for position in 0..<count {
        let slot = unsafe Slot(rawValue: room[position])
        if let head = unsafe slot.descriptor(base: arena.base) { hand.append(head) }
      }
      returnSome()
    }
  }

  /// Returns everything, in bulks of random size.
  func returnAll() {
    while !hand.isEmpty { returnSome() }
  }

  /// Returns up to 64 packets from random places in one bulk.
  private func returnSome() {
    var bulk = FrameBulk()
    for _ in 0..<min(roll(65), hand.count) {
      hand.swapAt(roll(hand.count), hand.count - 1)
      let frame = Frame(owning: hand.removeLast())
      if roll(8) == 0 { frame.recycle(.shutdown) } else { bulk.append(frame) }
    }
    bulk.recycle(.shutdown)
  }

  private func roll(_ sides: Int) -> Int { Int(random.next() % UInt64(sides)) }
}

/// The three models, small enough that every one of their ways is taken.
enum ModelUnderTest: CaseIterable {
  case pages, sharedPages, chunks

  fileprivate func make() throws -> PoolUnderTest {
    let registry = MemoryRegistry(arena: try Arena())
    switch self {
    case .pages:
      let pool = try PagePool(registry: registry, pageCount: 300, ringCapacity: 32)
      return try PoolUnderTest(
        registry: registry, model: pool, adopt: pool.adopt, destroy: pool.destroy,
        collect: pool.collect, outstanding: { pool.outstanding }, mostInHand: 1,
        takeHalf: { pool.allocate(byteCount: 2_048) })
    case .sharedPages:
      let pool = try SharedPagePool(registry: registry, pageCount: 150, ringCapacity: 32)
      return try PoolUnderTest(
        registry: registry, model: pool, adopt: pool.adopt, destroy: pool.destroy,
        collect: pool.collect, outstanding: { pool.outstanding }, granulesOfUnit: 1)
    case .chunks:
      let umem = try UMEM(registry: registry, chunkCount: 300, chunkByteCount: 4_096)
      let pool = try XSKPool(umem: umem, chunkCount: 300)
      return try PoolUnderTest(
        registry: registry, model: pool, adopt: pool.adopt, destroy: pool.destroy,
        collect: pool.collect, outstanding: { pool.outstanding })
    }
  }
}

/// What the models have in common beyond the contract.
private struct PoolUnderTest {
  let registry: MemoryRegistry
  let model: any MemoryModel
  let queue: ReceiveQueueInfo
  let adopt: () -> Void
  let destroy: () -> Drain?
  let collect: () -> Drain?
  let outstanding: () -> Int
  /// The most pages that are out only because the pool itself holds half of them.
  let mostInHand: Int
  /// What the model counts, in granules of 2,048 octets.
  let granulesOfUnit: UInt32
  private let takeHalf: (() -> Storage?)?

  init(
    registry: MemoryRegistry, model: any MemoryModel, adopt: @escaping () -> Void,
    destroy: @escaping () -> Drain?, collect: @escaping () -> Drain?,
    outstanding: @escaping () -> Int, mostInHand: Int = 0, granulesOfUnit: UInt32 = 2,
    takeHalf: (() -> Storage?)? = nil
  ) throws {
    self.registry = registry
    self.model = model
    queue = try registry.registerQueue(port: 1, queue: 0, memory: model.memory)
    self.adopt = adopt
    self.destroy = destroy
    self.collect = collect
    self.outstanding = outstanding
    self.mostInHand = mostInHand
    self.granulesOfUnit = granulesOfUnit
    self.takeHalf = takeHalf
  }

  /// Takes buffers, or halves of buffers where the model has any.
  func take(_ room: UnsafeMutablePointer<Storage>, _ count: Int, _ halves: Bool) -> Int {
    guard halves, let takeHalf else { return unsafe model.allocate(into: room, count: count) }
    for position in 0..<count {
      guard let half = takeHalf() else { return position }
      unsafe (room + position).initialize(to: half)
    }
    return count
  }

  /// How many of what the model counts are in the players' hands.
  func units(_ players: [Player]) -> Int {
    var units: Set<UInt32> = []
    for head in players.flatMap(\.hand) {
      let parts = (0..<head.fragmentCount).compactMap { head.fragment(at: $0) }
      for buffer in [head] + parts.map({ head.buffer(of: $0) }) {
        let last = buffer.index + buffer.frameByteCount / 2_048
        for granule in buffer.index..<last { units.insert(granule / granulesOfUnit) }
      }
    }
    return units.count
  }
}
