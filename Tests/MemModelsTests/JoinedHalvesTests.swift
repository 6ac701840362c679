// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Testing
import XDPFrame

/// Two halves of one page, one behind the other in a packet, are one fragment: `skb_can_coalesce()`.
@Suite struct JoinedHalvesTests {
  /// Who the halves belong to: both models count the users of a page.
  enum Halves: CaseIterable, Sendable {
    case sharedPages, pagePool
  }

  /// A model of 64 halves, a page for the packet to begin in, and a queue.
  private final class Fixture {
    let registry: MemoryRegistry
    let model: any MemoryModel
    let queue: ReceiveQueueInfo
    private let heads: PagePool
    private let take: () -> Storage?
    private let destroy: () -> Drain?

    init(_ halves: Halves) throws {
      registry = MemoryRegistry(arena: try Arena())
      heads = try PagePool(registry: registry, pageCount: 1)
      switch halves {
      case .sharedPages:
        let pool = try SharedPagePool(registry: registry, pageCount: 32)
        (model, take, destroy) = (pool, pool.allocate, pool.destroy)
      case .pagePool:
        let pool = try PagePool(registry: registry, pageCount: 32)
        (model, take, destroy) = (pool, { pool.allocate(byteCount: 2_048) }, pool.destroy)
      }
      queue = try registry.registerQueue(
        port: 1, queue: 0, memory: model.memory, fragmentByteCount: 2_048)
    }

    /// The next halves, page by page.
    func halves(_ count: Int) throws -> [Descriptor] {
      try (0..<count).map { _ in
        guard let half = take() else { throw Missing() }
        return half.take()
      }
    }

    /// A packet of 100 octets in a page of its own.
    func packet() throws -> Buff {
      guard let page = heads.allocate() else { throw Missing() }
      return Buff(owning: page.take(), queue: queue, headroom: 256, byteCount: 100)
    }

    /// Everything is home, came once, and the pool goes.
    func close() {
      let census = model.census()
      #expect(census.counts == [.free: census.capacity])
      #expect(census.doubleFree == 0 && census.abandoned == 0)
      #expect(destroy() == nil)
      #expect(heads.destroy() == nil)
    }
  }

  private struct Missing: Error {}

  private func add(
    _ half: Descriptor, to packet: inout Buff, offset: Int = 0, byteCount: Int = 2_048
  ) {
    guard
      let refused = packet.addFragment(
        Storage(owning: half), offset: offset, byteCount: byteCount)
    else { return }
    refused.recycle()
    Issue.record("A half was handed back.")
  }

  @Test(arguments: Halves.allCases)
  func theLastFragmentGrowsOverTheOtherHalf(halves: Halves) throws {
    let fixture = try Fixture(halves)
    var packet = try fixture.packet()
    let parts = try fixture.halves(4)
    for (number, part) in parts.enumerated() {
      unsafe part.hardStart.initializeMemory(
        as: UInt8.self, repeating: UInt8(number), count: 2_048)
      add(part, to: &packet)
    }
    #expect(packet.fragmentCount == 2)
    #expect(packet.byteCount == 100 + 4 * 2_048)
    #expect(packet.sharedInfo.fragmentsByteCount == 4 * 2_048)
    #expect(packet.sharedInfo.fragmentsTrueByteCount == 4 * 2_048)
    let second = packet.withFragment(at: 1) { octets in
      [0, 2_047, 2_048, 4_095].map {
        unsafe octets.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
      }
    }
    #expect(second == [2, 2, 3, 3])
    // Each half is held by whoever holds the packet.
    packet.descriptor.owner = .worker
    #expect(parts.allSatisfy { $0.holder == .worker })
    #expect(fixture.model.census().balances)
    packet.recycle(.programDrop)
    #expect(parts.allSatisfy { $0.owner == .free })
    fixture.close()
  }

  /// What keeps two fragments apart; the numbers are those of the halves of two pages.
  struct Apart: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let parts: [(half: Int, offset: Int, byteCount: Int)]
  }

  static let apart = [
    Apart(testDescription: "the other way round", parts: [(1, 0, 2_048), (0, 0, 2_048)]),
    Apart(testDescription: "a gap before the border", parts: [(0, 0, 2_047), (1, 0, 2_048)]),
    Apart(testDescription: "a gap behind the border", parts: [(0, 0, 2_048), (1, 1, 2_047)]),
    Apart(testDescription: "halves of two pages", parts: [(0, 0, 2_048), (3, 0, 2_048)]),
    Apart(testDescription: "neighbours in two pages", parts: [(1, 0, 2_048), (2, 0, 2_048)]),
    Apart(
      testDescription: "something between them",
      parts: [(0, 0, 2_048), (2, 0, 2_048), (1, 0, 2_048)]),
  ]

  @Test(arguments: Halves.allCases, apart)
  func otherwiseTheyRemainTwo(halves: Halves, apart: Apart) throws {
    let fixture = try Fixture(halves)
    var packet = try fixture.packet()
    let parts = try fixture.halves(4)
    for part in apart.parts {
      add(parts[part.half], to: &packet, offset: part.offset, byteCount: part.byteCount)
    }
    #expect(packet.fragmentCount == apart.parts.count)
    #expect(packet.byteCount == 100 + apart.parts.reduce(0) { $0 + $1.byteCount })
    packet.recycle(.programDrop)
    for (number, part) in parts.enumerated()
    where !apart.parts.contains(where: { $0.half == number }) {
      Storage(owning: part).recycle()
    }
    fixture.close()
  }

  @Test func chunksOfAUMEMRemainApartBecauseTheKernelSendsThemOneByOne() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let umem = try UMEM(registry: registry, chunkCount: 8, chunkByteCount: 2_048)
    let pool = try XSKPool(umem: umem, chunkCount: 8)
    let queue = try registry.registerQueue(port: 1, queue: 0, memory: pool.memory)
    let chunks = try (0..<4).map { _ in
      guard let chunk = pool.allocate() else { throw Missing() }
      return chunk.take()
    }
    #expect(chunks[3].index == chunks[2].index + 1 && chunks[2].index % 2 == 0)
    var packet = Buff(owning: chunks[0], queue: queue, headroom: 256, byteCount: 1_792)
    for chunk in chunks[1...] { add(chunk, to: &packet) }
    #expect(packet.fragmentCount == 3)
    packet.recycle(.programDrop)
    #expect(pool.destroy() == nil)
  }

  @Test(arguments: Halves.allCases)
  func aPacketOf17FragmentsStillGrows(halves: Halves) throws {
    let fixture = try Fixture(halves)
    var packet = try fixture.packet()
    for part in try fixture.halves(34) { add(part, to: &packet) }
    #expect(packet.fragmentCount == 17)
    #expect(packet.byteCount == 100 + 17 * 4_096)
    let more = try fixture.halves(1)
    if let refused = packet.addFragment(Storage(owning: more[0]), offset: 0, byteCount: 1) {
      refused.recycle()
    } else {
      Issue.record("An eighteenth fragment was taken.")
    }
    guard let frame = Frame(packet) else { throw Missing() }
    onAnotherThread { [frame = frame.take()] in Frame(owning: frame).recycle(.programDrop) }
    fixture.close()
  }

  @Test(arguments: Halves.allCases)
  func bothHalvesStayWhateverAProgramTakesOff(halves: Halves) throws {
    let fixture = try Fixture(halves)
    var packet = try fixture.packet()
    for part in try fixture.halves(2) { add(part, to: &packet) }
    // The end of the second half, and then all of it; growing stops at what the queue declares: one half.
    try packet.adjustTail(by: -48)
    #expect(throws: PacketError.outOfBounds) { try packet.adjustTail(by: 1) }
    try packet.adjustTail(by: -2_100)
    #expect(packet.byteCount == 100 + 1_948)
    try packet.adjustTail(by: 100)
    #expect(throws: PacketError.outOfBounds) { try packet.adjustTail(by: 1) }
    try packet.pullData(200)
    #expect(packet.fragmentCount == 1 && packet.linearByteCount == 200)
    try packet.adjustTail(by: -1_948)
    #expect(!packet.hasFragments && packet.byteCount == 200)
    packet.recycle(.programDrop)
    fixture.close()
  }

  @Test(arguments: Halves.allCases)
  func aForgedListIsNotContinued(halves: Halves) throws {
    let fixture = try Fixture(halves)
    var packet = try fixture.packet()
    let parts = try fixture.halves(3)
    add(parts[0], to: &packet)
    let list = unsafe packet.sharedInfo.fragments
    let genuine = unsafe list[0]
    unsafe list[0] = Fragment(slot: Slot(parts[2]), offset: 0, byteCount: 2_048)
    add(parts[1], to: &packet)
    #expect(packet.sharedInfo.fragmentCount == 2)
    unsafe list[0] = genuine
    packet.recycle(.programDrop)
    Storage(owning: parts[2]).recycle()
    fixture.close()
  }
}
