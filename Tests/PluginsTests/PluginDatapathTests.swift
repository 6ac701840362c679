// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import Glibc
import MemModels
import Plugins
import Ports
import Testing
import XDPFrame

/// Plugins where they are meant to run: on a port and on an entry of the CPU map.
@Suite struct PluginDatapathTests {
  @Test func packetsOfThreePagesCrossTwoPluginsToAnotherThread() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PagePool(registry: registry, pageCount: 1_024)
    let wire = try MemoryPort(name: "wire", registry: registry, capacity: 256)
    let stack = try MemoryPort(name: "stack", registry: registry, capacity: 256)
    let plugin = try Plugin(path: try BuiltPlugin.worker.get())
    let passer = try Plugin(
      path: try BuiltPlugin.path("Examples/Plugins/no_echo_swift.swift", as: "no_echo_path"))
    let datapath = Datapath(registry: registry)
    datapath.add(wire)
    datapath.setPassPort(stack)
    let program = try PluginProgram(passer)
    try datapath.cpuMap.update(0, CPUMap.Value(name: "w1", cpu: 0, program: program))
    let steering = try PluginProgram(plugin, arguments: "4")
    let loop = try datapath.addLoop(port: wire, queue: 0, program: steering, named: "so")
    try datapath.start()
    let count = 100
    for number in 0..<count {
      let byteCount = number % 2 == 0 ? 9_000 : 60
      guard let frame = Frame(octets: Bench.octets(byteCount), from: pool) else {
        throw Bench.Missing.page
      }
      if let full = wire.put(frame) { full.recycle(.ringFull) }
    }
    while stack.sentCount < count, datapath.entryReports[0].aborted == 0,
      loop.tally[.aborted] == 0
    { _ = sched_yield() }
    datapath.stop()
    #expect(loop.tally[.redirect] == UInt64(count))
    #expect(datapath.entryReports[0].pass == UInt64(count))
    var lengths: [Int: Int] = [:]
    while let frame = stack.takeSent() {
      let packet = Buff(frame)
      lengths[packet.byteCount, default: 0] += 1
      packet.recycle(.shutdown)
    }
    #expect(lengths == [9_000 + 4 - 1_400: 50, 60: 50])
    #expect(steering.faultCount + program.faultCount == 0)
    #expect(pool.outstanding == 0)
  }

  /// An exchange under traffic: the old instance ends, once nobody runs it any more.
  @Test func aPluginThatIsReplacedUnderTrafficEndsAndLosesNothing() throws {
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PagePool(registry: registry, pageCount: 4_096)
    let generator = try GeneratorPort(
      name: "gen", registry: registry, model: pool,
      plan: GeneratorPort.Plan(flowCount: 8, limit: 20_000))
    let path = try BuiltPlugin.path("Tests/Plugins/worker.c", as: "worker-replaced")
    let plugin = try Plugin(path: path)
    // Safe: the object exports a counter of that type.
    let ended = unsafe dlsym(dlopen(path, RTLD_NOW), "worker_finis")
    let datapath = Datapath(registry: registry)
    datapath.add(generator)
    let loop = try datapath.addLoop(
      port: generator, queue: 0, program: try PluginProgram(plugin, arguments: "1"), named: "a",
      adopt: { pool.adopt() })
    try datapath.start()
    for round in 1...20 {
      try loop.program.replace(with: PluginProgram(plugin, arguments: "1"), named: "b")
      unsafe #expect(ended?.load(as: Int32.self) == Int32(round))
    }
    while !generator.isFinished { _ = sched_yield() }
    datapath.stop()
    #expect(loop.tally[DropReason.programDrop] == 20_000)
    #expect(loop.tally[.aborted] == 0)
    pool.adopt()
    #expect(pool.outstanding == 0)
  }
}
