// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import Glibc
import MemModels
import Plugins
import Ports
import Testing
import XDPFrame

/// Memory models out of plugins: their frames, their ends, and what they may not do.
@Suite(.serialized) struct PluginMemoryModelTests {
  @Test func framesOfAPluginCrossTheCPUMapAndComeHomeInBulk() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PluginMemoryModel(
      try plugin("Examples/Plugins/huge_pages.c"), registry: registry, bufferCount: 1_000)
    #expect(pool.memory.kind.rawValue == 4)
    #expect(pool.census().capacity == 1_024)
    let wire = try MemoryPort(name: "wire", registry: registry, capacity: 256)
    let stack = try MemoryPort(name: "stack", registry: registry, capacity: 256)
    for _ in 0..<100 {
      guard let frame = Frame(octets: Bench.octets(9_000), from: pool) else {
        throw Bench.Missing.page
      }
      if let full = wire.put(frame) { full.recycle(.ringFull) }
    }
    #expect(pool.outstanding == 300)
    let datapath = Datapath(registry: registry)
    datapath.add(wire)
    datapath.setPassPort(stack)
    let program = try PluginProgram(
      try Plugin(path: try BuiltPlugin.worker.get()), arguments: "2")
    try datapath.cpuMap.update(
      0, CPUMap.Value(name: "w", cpu: 0, queueCapacity: 256, program: program))
    let loop = try datapath.addLoop(
      port: wire, queue: 0, program: Steer(keys: [0], map: Datapath.cpuMapNumber), named: "steer")
    try datapath.start()
    while loop.tally[.redirect] < 100 { _ = sched_yield() }
    datapath.stop()
    #expect(datapath.entryReports.map(\.pass) == [100])
    var bulk = FrameBulk()
    while !bulk.isFull, let frame = stack.takeSent() { bulk.append(frame) }
    let before = (pool.recycleCallCount, pool.outstanding)
    bulk.recycle(.programDrop)
    // 64 frames of 2 buffers each, since the program took one fragment off: as few calls as there are rounds.
    #expect(before.1 - pool.outstanding == 128)
    #expect(pool.recycleCallCount - before.0 <= 4)
    stack.close()
    expectAllHome(pool)
    #expect(pool.destroy() == nil)
  }

  @Test func whatTheCPUMayNotReadAnswersAsInTheKernel() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pages = try PagePool(registry: registry, pageCount: 8)
    let device = try PluginMemoryModel(
      try plugin("Examples/Plugins/unreadable.c"), registry: registry, bufferCount: 8)
    let queue = try registry.registerQueue(
      port: 1, queue: 0, memory: pages.memory, fragmentByteCount: UInt32(Limits.page))
    #expect(!device.isReadable && device.memory.kind.rawValue == 5)
    for _ in 0..<10 {
      guard let page = pages.allocate(), let payload = device.allocate() else {
        throw Bench.Missing.page
      }
      var packet = Buff(owning: page.take(), queue: queue, headroom: 256, byteCount: 64)
      if let refused = packet.addFragment(payload, offset: 0, byteCount: 4_096) {
        refused.recycle()
      }
      #expect(packet.flags.contains(.unreadableFragments))
      #expect(packet.withFragment(at: 0) { $0.byteCount } == nil)
      var octets = [UInt8](repeating: 0, count: 16)
      try unsafe octets.withUnsafeMutableBytes { room in
        #expect(throws: PacketError.unreachable) {
          unsafe try packet.load(from: 60, into: room)
        }
        #expect(throws: PacketError.unreachable) {
          unsafe try packet.store(UnsafeRawBufferPointer(room), at: 64)
        }
        unsafe try packet.load(from: 48, into: room)
      }
      #expect(PacketError.unreachable.errno == EFAULT)
      #expect(throws: PacketError.unreachable) { try packet.pullData(100) }
      // It keeps its flag at rest.
      guard let frame = Frame(packet) else { throw Bench.Missing.page }
      let again = Buff(frame)
      #expect(again.flags.contains(.unreadableFragments))
      again.recycle(.programDrop)
      expectAllHome(device)
    }
    // The page that held its headers is an ordinary page again, also as a fragment.
    for _ in 0..<4 {
      guard let frame = Frame(octets: Bench.octets(9_000), from: pages) else {
        throw Bench.Missing.page
      }
      #expect(!frame.descriptor.flags.contains(.unreadableFragments))
      frame.recycle(.programDrop)
    }
    #expect(device.destroy() == nil)
  }

  @Test func aModelLivesUntilItsLastBufferIsHome() throws {
    let path = try BuiltPlugin.path("Tests/Plugins/memory.c", as: "memory-lifetime")
    // Safe: the object exports a counter of that type.
    let ended = unsafe dlsym(dlopen(path, RTLD_NOW), "memory_finis")
    func endCount() -> Int32? { unsafe ended?.load(as: Int32.self) }
    let arena = try Arena()
    let free = arena.freeByteCounts
    let registry = MemoryRegistry(arena: arena)
    do {
      let pool = try PluginMemoryModel(
        try Plugin(path: path), registry: registry, bufferCount: 32)
      guard let frame = Frame(octets: Bench.octets(9_000), from: pool) else {
        throw Bench.Missing.page
      }
      let waiting = pool.destroy()
      #expect(waiting?[.receive] == 3)
      #expect(waiting?[.free] == 29)
      if let more = pool.allocate() {
        more.recycle()
        Issue.record("A closed model handed out a buffer.")
      }
      #expect(pool.destroy() != nil)
      #expect(endCount() == 0)
      frame.recycle(.shutdown)
      #expect(pool.destroy() == nil)
      #expect(pool.destroy() == nil)
      #expect(endCount() == 0)
    }
    #expect(endCount() == 1)
    #expect(arena.freeByteCounts == free)
  }

  @Test(arguments: [
    (10, PluginError.Reason.initRefused(-EBUSY), 0),
    (
      11,
      .invalid(
        field: "xdpf_memory.buffer_size", 1_000, allowed: "a multiple of 2048, 2048...65536"), 1
    ),
    (12, .invalid(field: "xdpf_memory.buffer_count", 0, allowed: "1...1048576"), 1),
    (17, .invalid(field: "xdpf_memory.buffer_count", 1 << 30, allowed: "1...1048576"), 1),
  ])
  func aModelThatBringsNonsenseIsRefusedAndEnded(
    deed: Int, reason: PluginError.Reason, ends: Int32
  ) throws {
    let path = try BuiltPlugin.path("Tests/Plugins/memory.c", as: "memory-refused-\(deed)")
    let arena = try Arena()
    let free = arena.freeByteCounts
    let error = #expect(throws: PluginError.self) {
      _ = try PluginMemoryModel(
        try Plugin(path: path), registry: MemoryRegistry(arena: arena), bufferCount: 8,
        arguments: "\(deed)")
    }
    #expect(error?.reason == reason)
    // Safe: the object exports a counter of that type.
    #expect(unsafe dlsym(dlopen(path, RTLD_NOW), "memory_finis")?.load(as: Int32.self) == ends)
    #expect(arena.freeByteCounts == free)
  }

  @Test(arguments: [13, 14])
  func aFileThatCannotBeMappedIsRefused(deed: Int) throws {
    let arena = try Arena()
    let free = arena.freeByteCounts
    let error = #expect(throws: PluginError.self) {
      _ = try PluginMemoryModel(
        try plugin("Tests/Plugins/memory.c"), registry: MemoryRegistry(arena: arena),
        bufferCount: 8, arguments: "\(deed)")
    }
    guard case .memory = error?.reason else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(arena.freeByteCounts == free)
  }

  @Test(arguments: [1, 2, 3])
  func aBufferThatIsNotFreeIsNotHandedOut(deed: Int) throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PluginMemoryModel(
      try plugin("Tests/Plugins/memory.c"), registry: registry, bufferCount: 64,
      arguments: "\(deed)")
    #expect(pool.memory.kind.rawValue == 77)
    unsafe withUnsafeTemporaryAllocation(of: Storage.self, capacity: 8) { room in
      guard let start = room.baseAddress else { return }
      let count = unsafe pool.allocate(into: start, count: 8)
      #expect(count == (deed == 3 ? 8 : 7))
      #expect(pool.faultCount == 1)
      #expect(pool.outstanding == count)
      let distinct = Set((0..<count).map { unsafe start[$0].descriptor.index })
      #expect(distinct.count == count)
      for position in 0..<count { unsafe (start + position).move().recycle() }
    }
    expectAllHome(pool)
    #expect(pool.destroy() == nil)
  }

  @Test(arguments: [(0, 4_096), (15, 2_048), (16, 65_536)])
  func buffersOfEverySizeFindTheirNumberAgain(deed: Int, byteCount: Int) throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PluginMemoryModel(
      try plugin("Tests/Plugins/memory.c"), registry: registry, bufferCount: 33,
      arguments: "\(deed)")
    for _ in 0..<3 {
      guard let frame = Frame(octets: Bench.octets(20_000), from: pool) else {
        throw Bench.Missing.page
      }
      let packet = Buff(frame)
      #expect(packet.frameByteCount == UInt32(byteCount))
      var octets = [UInt8](repeating: 0, count: 20_000)
      let isCopied = unsafe octets.withUnsafeMutableBytes {
        unsafe packet.copyBytes(from: 0, to: $0)
      }
      #expect(isCopied)
      #expect(octets == Bench.octets(20_000))
      packet.recycle(.programDrop)
    }
    expectAllHome(pool)
    #expect(pool.destroy() == nil)
  }

  private func plugin(_ source: String) throws -> Plugin {
    let name = source.split(separator: "/").last?.prefix { $0 != "." } ?? ""
    return try Plugin(path: try BuiltPlugin.path(source, as: "model-\(name)"))
  }

  private func expectAllHome(
    _ pool: PluginMemoryModel, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let census = pool.census()
    #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
    #expect(census.doubleFree == 0 && census.abandoned == 0, sourceLocation: sourceLocation)
    #expect(pool.outstanding == 0, sourceLocation: sourceLocation)
  }
}
