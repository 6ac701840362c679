// SPDX-License-Identifier: Apache-2.0

import Arena
import Testing
import XDPFrame

@Suite struct FrameBulkTests {
  private func add(_ count: Int, of fixture: Fixture, to bulk: inout FrameBulk) throws -> [UInt32] {
    var indices: [UInt32] = []
    for position in 0..<count {
      let frame = try fixture.frame(first: position)
      indices.append(frame.descriptor.index)
      bulk.append(frame)
    }
    return indices
  }

  @Test(arguments: [0, 1, 2, 63, 64])
  func goesHomeInOneCallInOrder(count: Int) throws {
    let fixture = try Fixture()
    var bulk = FrameBulk()
    let indices = try add(count, of: fixture, to: &bulk)
    #expect(bulk.count == count)
    #expect(bulk.isEmpty == (count == 0))
    #expect(bulk.isFull == (count == 64))
    bulk.recycle(.programDrop)
    #expect(bulk.count == 0)
    #expect(fixture.model.calls == (count == 0 ? [] : [indices]))
    #expect(fixture.model.isWhole)
  }

  @Test func theReasonIsWrittenIntoEveryFrame() throws {
    let fixture = try Fixture()
    var bulk = FrameBulk()
    _ = try add(3, of: fixture, to: &bulk)
    let descriptors = (0..<3).map { unsafe bulk.descriptors[$0] }
    bulk.recycle(.quota)
    #expect(descriptors.allSatisfy { $0.reason == DropReason.quota.rawValue })
    #expect(fixture.model.isWhole)
  }

  @Test func framesThatSayWhyAreLeftAsTheyAre() throws {
    let fixture = try Fixture()
    var bulk = FrameBulk()
    _ = try add(2, of: fixture, to: &bulk)
    let descriptors = (0..<2).map { unsafe bulk.descriptors[$0] }
    descriptors[0].reason = DropReason.mtu.rawValue
    descriptors[1].reason = DropReason.portDown.rawValue
    bulk.recycle()
    #expect(descriptors.map(\.reason) == [DropReason.mtu.rawValue, DropReason.portDown.rawValue])
    #expect(fixture.model.isWhole)
  }

  /// Three models take turns: each is called once, with its own buffers in order.
  @Test(arguments: [2, 3, 9, 64])
  func eachModelIsCalledOncePerFlush(count: Int) throws {
    let registry = MemoryRegistry(arena: try Arena())
    let models = try (0..<3).map { _ in try RecordingModel(registry) }
    defer { for model in models { registry.disconnect(model.memory.id) } }
    let queue = try registry.registerQueue(port: 1, queue: 0, memory: models[0].memory)
    var bulk = FrameBulk()
    var expected: [[UInt32]] = [[], [], []]
    for position in 0..<count {
      let choice = position * position % 3
      guard let storage = models[choice].allocate() else { throw Fixture.Missing.buffer }
      expected[choice].append(storage.descriptor.index)
      let packet = Buff(owning: storage.take(), queue: queue, headroom: 256, byteCount: 60)
      guard let frame = Frame(packet) else { throw Fixture.Missing.room }
      bulk.append(frame)
    }
    bulk.recycle(.programDrop)
    for (model, indices) in zip(models, expected) {
      #expect(model.calls == (indices.isEmpty ? [] : [indices]))
      #expect(model.isWhole)
    }
  }

  @Test func fragmentsComeHomeBesideTheirFrames() throws {
    let fixture = try Fixture(capacity: 256)
    var bulk = FrameBulk()
    // 64 frames of 3 buffers: rounds of at most 81.
    for _ in 0..<64 { bulk.append(try fixture.rest(try fixture.longBuff(byteCount: 9_000))) }
    bulk.recycle(.programDrop)
    #expect(fixture.model.calls.map(\.count) == [66, 66, 60])
    #expect(fixture.model.isWhole)
  }

  @Test func theLargestFramesFitARound() throws {
    let fixture = try Fixture(capacity: 64 + 18)
    var bulk = FrameBulk()
    _ = try add(63, of: fixture, to: &bulk)
    bulk.append(try fixture.rest(try fixture.longBuff(byteCount: Limits.packet)))
    bulk.recycle(.programDrop)
    #expect(fixture.model.calls.map(\.count) == [81])
    #expect(fixture.model.isWhole)
  }

  @Test func fragmentsOfAnotherModelAreSortedOut() throws {
    let fixture = try Fixture()
    let other = try RecordingModel(fixture.registry)
    defer { fixture.registry.disconnect(other.memory.id) }
    var bulk = FrameBulk()
    for _ in 0..<10 {
      var packet = try fixture.buff()
      expectAdded(
        packet.addFragment(try fixture.storage(of: other), offset: 0, byteCount: 1))
      bulk.append(try fixture.rest(packet))
    }
    bulk.recycle(.programDrop)
    #expect(fixture.model.calls.map(\.count) == [10])
    #expect(other.calls.map(\.count) == [10])
    #expect(fixture.model.isWhole && other.isWhole)
  }

  @Test func givesUpItsFirstFramesAndKeepsTheOrder() throws {
    let fixture = try Fixture()
    var bulk = FrameBulk()
    let indices = try add(10, of: fixture, to: &bulk)
    let sent = (0..<4).map { unsafe bulk.descriptors[$0] }
    bulk.removeFirst(4)
    #expect((0..<bulk.count).map { unsafe bulk.descriptors[$0].index } == Array(indices[4...]))
    bulk.removeFirst(0)
    #expect(bulk.count == 6)
    bulk.recycle(.transmitFull)
    for descriptor in sent { Frame(owning: descriptor).recycle(.shutdown) }
    #expect(fixture.model.isWhole)
  }

  @Test func popsTheLastFrame() throws {
    let fixture = try Fixture()
    var bulk = FrameBulk()
    let indices = try add(2, of: fixture, to: &bulk)
    var popped: [UInt32] = []
    while let frame = bulk.popLast() {
      popped.append(frame.descriptor.index)
      frame.recycle(.programDrop)
    }
    #expect(popped == indices.reversed())
    #expect(fixture.model.isWhole)
  }

  @Test func framesLeftInADroppedBulkAreCounted() throws {
    let fixture = try Fixture()
    do {
      var bulk = FrameBulk()
      _ = try add(5, of: fixture, to: &bulk)
    }
    #expect(fixture.model.census().abandoned == 5)
    #expect(fixture.model.census()[.free] == 64)
  }

  @Test func moreThan64FramesTrap() async {
    await #expect(processExitsWith: .failure) {
      let fixture = try Fixture(capacity: 65)
      var bulk = FrameBulk()
      for _ in 0..<65 { bulk.append(try fixture.frame()) }
    }
    await #expect(processExitsWith: .failure) {
      var bulk = FrameBulk()
      bulk.removeFirst(1)
    }
  }
}

@Suite struct RedirectBurstTests {
  @Test func keepsFramesTargetsAndTheirOrder() throws {
    let fixture = try Fixture()
    var burst = RedirectBurst()
    var indices: [UInt32] = []
    for key in 0..<64 as Range<UInt32> {
      let frame = try fixture.frame()
      indices.append(frame.descriptor.index)
      burst.append(frame, to: RedirectTarget(map: 1, key: key))
    }
    #expect(burst.count == 64)
    #expect((0..<64).map { unsafe burst.descriptors[$0].index } == indices)
    #expect((0..<64).allSatisfy { unsafe burst.targets[$0].key == UInt32($0) })
    // What a map writes into its scratch changes neither.
    unsafe burst.scratch.update(repeating: .max, count: 64)
    #expect((0..<64).map { unsafe burst.descriptors[$0].index } == indices)
    while let (descriptor, target) = burst.popLast() {
      #expect(target.key == UInt32(burst.count))
      Frame(owning: descriptor).recycle(.programDrop)
    }
    #expect(fixture.model.isWhole)
  }

  @Test func forgetsWhatAMapTook() throws {
    let fixture = try Fixture()
    var burst = RedirectBurst()
    for key in 0..<3 as Range<UInt32> {
      burst.append(try fixture.frame(), to: RedirectTarget(map: 1, key: key))
    }
    let taken = (1..<3).map { unsafe burst.descriptors[$0] }
    burst.truncate(to: 1)
    for descriptor in taken { Frame(owning: descriptor).recycle(.programDrop) }
    #expect(burst.count == 1)
    do { _ = consume burst }
    #expect(fixture.model.census().abandoned == 1)
    #expect(fixture.model.census()[.free] == 64)
  }

  @Test func aRedirectBurstIsBounded() async {
    await #expect(processExitsWith: .failure) {
      let fixture = try Fixture(capacity: 65)
      var burst = RedirectBurst()
      for _ in 0..<65 { burst.append(try fixture.frame(), to: RedirectTarget(map: 1, key: 0)) }
    }
    await #expect(processExitsWith: .failure) {
      var burst = RedirectBurst()
      burst.truncate(to: 1)
    }
  }
}
