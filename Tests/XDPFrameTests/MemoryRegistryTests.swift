// SPDX-License-Identifier: Apache-2.0

import Arena
import Glibc
import Testing
import XDPFrame

@Suite struct MemoryRegistryTests {
  @Test func idsGoRoundBeforeTheyComeAgain() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let first = try registry.reserveID()
    #expect(first == 1)
    registry.disconnect(first)
    for expected in 2..<0xFFFE as Range<UInt16> {
      let id = try registry.reserveID()
      guard id == expected else {
        Issue.record("The id after \(expected - 1) is \(id).")
        return
      }
      registry.disconnect(id)
    }
    #expect(try registry.reserveID() == 1)
    #expect(try registry.reserveID() == 2)
  }

  @Test func theLastIDIsFollowedByARefusal() throws {
    let registry = MemoryRegistry(arena: try Arena())
    for _ in 1..<0xFFFE { _ = try registry.reserveID() }
    #expect(throws: RegistryError.noID) { try registry.reserveID() }
    registry.disconnect(4_711)
    #expect(try registry.reserveID() == 4_711)
    #expect(throws: RegistryError.noID) { try registry.reserveID() }
  }

  @Test func keepsAModelAliveUntilItIsDisconnected() throws {
    let registry = MemoryRegistry(arena: try Arena())
    weak var model: RecordingModel?
    var id: UInt16 = 0
    do {
      let made = try RecordingModel(registry)
      model = made
      id = made.memory.id
    }
    #expect(model != nil)
    registry.disconnect(id)
    #expect(model == nil)
  }

  @Test func framesFindHomeAfterTheirQueueWent() throws {
    let fixture = try Fixture()
    let frame = try fixture.frame()
    fixture.registry.unregisterQueue(fixture.queue)
    // The line still says where the frame came from; its number is not given to the next queue.
    let next = try fixture.registry.registerQueue(
      port: 8, queue: 0, memory: fixture.model.memory)
    #expect(next.number != frame.queue.number)
    #expect(frame.queue.port == 7)
    frame.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func buffersWithoutAModelAreCountedAndLeftAlone() throws {
    let fixture = try Fixture()
    let frame = try fixture.frame()
    fixture.registry.disconnect(fixture.model.memory.id)
    let descriptor = frame.descriptor
    frame.recycle(.programDrop)
    #expect(fixture.registry.abandonedCount(of: 0) == 1)
    #expect(descriptor.owner == .receive)
    #expect(fixture.model.calls.isEmpty)
  }

  @Test func abandonedCountsBeginAnewWithTheNextModel() throws {
    let fixture = try Fixture()
    do { _ = try fixture.frame() }
    #expect(fixture.registry.abandonedCount(of: fixture.model.memory.id) == 1)
    fixture.registry.disconnect(fixture.model.memory.id)
    fixture.registry.register(fixture.model)
    #expect(fixture.registry.abandonedCount(of: fixture.model.memory.id) == 0)
  }

  @Test func anIDHasOneModel() async {
    await #expect(processExitsWith: .failure) {
      let fixture = try Fixture()
      fixture.registry.register(fixture.model)
    }
  }

  @Test func buffersThatComeBackMixedGoHomeModelByModel() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let models = try (0..<3).map { _ in try RecordingModel(registry) }
    defer { for model in models { registry.disconnect(model.memory.id) } }
    var buffers: [Descriptor] = []
    for position in 0..<20 {
      guard let storage = models[position % 3].allocate() else { throw Fixture.Missing.buffer }
      buffers.append(storage.take())
    }
    unsafe buffers.withUnsafeMutableBufferPointer {
      guard let start = $0.baseAddress else { return }
      unsafe MemoryRegistry.recycle(buffers: start, count: $0.count)
    }
    #expect(models.map { $0.calls.map(\.count) } == [[7], [7], [6]])
    #expect(models.allSatisfy { $0.isWhole })
  }

  @Test func twoArenasHaveRegistriesOfTheirOwn() throws {
    let first = try Fixture()
    let second = try Fixture()
    #expect(first.model.memory == second.model.memory)
    let one = try first.frame()
    let other = try second.frame()
    #expect(one.descriptor != other.descriptor)
    #expect(one.descriptor.index == other.descriptor.index)
    one.recycle(.programDrop)
    #expect(first.model.calls.count == 1)
    #expect(second.model.calls.isEmpty)
    other.recycle(.programDrop)
    #expect(first.model.isWhole && second.model.isWhole)
  }

  @Test func portsAreNumberedFromOne() throws {
    let registry = MemoryRegistry(arena: try Arena())
    #expect((1...3).map { _ in registry.takePortNumber() } == [1, 2, 3])
  }

  @Test func errorsSayWhatIsExhausted() {
    #expect(RegistryError.noID.description.hasPrefix("65,533 memory models are registered"))
    #expect(RegistryError.noQueue.description == "1023 receive queues are registered")
    #expect(RegistryError.noPort.description.contains("1 or more"))
    #expect(RegistryError.noModel.description.contains("no registered model"))
  }

  @Test func errorsHaveTheKernelsNumbers() {
    let errors: [RegistryError] = [.noID, .noQueue, .noPort, .noModel]
    #expect(errors.map(\.errno) == [ENOSPC, ENOSPC, ENODEV, EINVAL])
  }
}

@Suite struct ReceiveQueueTests {
  /// Pages that need no model.
  private let memory = MemoryInfo(kind: .singlePage, id: 0)

  @Test func keepsWhatItWasRegisteredWith() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let model = try RecordingModel(registry)
    defer { registry.disconnect(model.memory.id) }
    let memory = model.memory
    let queue = try registry.registerQueue(
      port: 3, queue: 9, interfaceIndex: 12, memory: memory, fragmentByteCount: 4_096)
    #expect(queue.port == 3)
    #expect(queue.queue == 9)
    #expect(queue.interfaceIndex == 12)
    #expect(queue.memory == memory)
    #expect(queue.fragmentByteCount == 4_096)
    #expect(queue.number == 1)
    queue.interfaceIndex = 13
    #expect(queue.interfaceIndex == 13)
  }

  @Test func numbersGoRoundAndEndWithARefusal() throws {
    let registry = MemoryRegistry(arena: try Arena())
    var queues: [ReceiveQueueInfo] = []
    for index in 1..<ReceiveQueueInfo.limit {
      queues.append(
        try registry.registerQueue(port: 1, queue: UInt32(index), memory: memory))
    }
    #expect(Set(queues.map(\.number)) == Set(1..<UInt16(ReceiveQueueInfo.limit)))
    #expect(throws: RegistryError.noQueue) {
      _ = try registry.registerQueue(port: 1, queue: 0, memory: memory)
    }
    registry.unregisterQueue(queues[500])
    let next = try registry.registerQueue(port: 2, queue: 0, memory: memory)
    #expect(next.number == queues[500].number)
    #expect(next.port == 2)
  }

  /// What a queue is registered with, and the kernel's answer.
  struct Registration: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let port: UInt32
    let kind: MemoryKind
    /// 1 is a registered model, 2 is not.
    let id: UInt16
    let refusal: RegistryError?
  }

  @Test(arguments: [
    Registration(
      testDescription: "a page pool", port: 1, kind: .pagePool, id: 1, refusal: nil),
    Registration(
      testDescription: "a model of a plugin", port: 1, kind: .firstPlugin, id: 1, refusal: nil),
    Registration(
      testDescription: "single pages", port: 1, kind: .singlePage, id: 0, refusal: nil),
    Registration(
      testDescription: "shared pages", port: 1, kind: .sharedPage, id: 0, refusal: nil),
    Registration(
      testDescription: "no port", port: 0, kind: .singlePage, id: 0, refusal: .noPort),
    Registration(
      testDescription: "neither port nor model", port: 0, kind: .pagePool, id: 0,
      refusal: .noPort),
    Registration(
      testDescription: "a page pool without model", port: 1, kind: .pagePool, id: 0,
      refusal: .noModel),
    Registration(
      testDescription: "an XSK pool without model", port: 1, kind: .xskPool, id: 0,
      refusal: .noModel),
    Registration(
      testDescription: "a model that is not registered", port: 1, kind: .pagePool, id: 2,
      refusal: .noModel),
  ])
  func isCheckedInTheKernelsOrder(registration: Registration) throws {
    let registry = MemoryRegistry(arena: try Arena())
    let model = try RecordingModel(registry)
    defer { registry.disconnect(model.memory.id) }
    let memory = MemoryInfo(kind: registration.kind, id: registration.id)
    let result = Result { () throws(RegistryError) in
      try registry.registerQueue(port: registration.port, queue: 0, memory: memory)
    }
    switch result {
    case .success(let queue):
      #expect(registration.refusal == nil)
      #expect(queue.memory == memory)
    case .failure(let error): #expect(error == registration.refusal)
    }
    // A refusal takes no number.
    let next = try registry.registerQueue(port: 1, queue: 0, memory: self.memory)
    #expect(next.number == (registration.refusal == nil ? 2 : 1))
  }

  @Test func aFullTableIsTheLastThingThatIsFoundOut() throws {
    let registry = MemoryRegistry(arena: try Arena())
    for _ in 1..<ReceiveQueueInfo.limit {
      _ = try registry.registerQueue(port: 1, queue: 0, memory: memory)
    }
    #expect(throws: RegistryError.noPort) {
      try registry.registerQueue(port: 0, queue: 0, memory: memory)
    }
    #expect(throws: RegistryError.noModel) {
      try registry.registerQueue(
        port: 1, queue: 0, memory: MemoryInfo(kind: .pagePool, id: 0))
    }
    #expect(throws: RegistryError.noQueue) {
      try registry.registerQueue(port: 1, queue: 0, memory: memory)
    }
  }

  @Test func aQueueIsUnregisteredOnce() async {
    await #expect(processExitsWith: .failure) {
      let registry = MemoryRegistry(arena: try Arena())
      let queue = try registry.registerQueue(
        port: 1, queue: 0, memory: MemoryInfo(kind: .singlePage, id: 0))
      registry.unregisterQueue(queue)
      registry.unregisterQueue(queue)
    }
  }
}
