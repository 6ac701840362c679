// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import Syscalls
import TestSupport
import Testing
import XDPFrame

/// A datapath on one end of a cable: AF_XDP, steering, and two workers.
final class Rig {
  let registry: MemoryRegistry
  let port: AFXDPPort
  let datapath: Datapath
  let loops: [LoopThread]

  init(
    on pair: borrowing NamespacePair, queueCount: Int = 1, isMultiBuffer: Bool = false,
    programs: [any Program & Sendable], queueCapacity: Int = 4_096,
    parking: ParkingMode = .adaptive, chunkCount: Int = 8_192
  ) throws {
    registry = MemoryRegistry(arena: try Arena())
    var options = AFXDPOptions()
    options.isMultiBuffer = isMultiBuffer
    options.receiveChunkCount = chunkCount
    options.copyChunkCount = chunkCount / 8
    let registry = registry
    port = try pair.b.run {
      try AFXDPPort(
        name: "wan", device: "right", queueCount: queueCount, registry: registry,
        options: options)
    }
    datapath = Datapath(registry: registry, parking: parking)
    datapath.add(port)
    let cpus = CPUSet.allowed.processors
    for (key, program) in programs.enumerated() {
      try datapath.cpuMap.update(
        UInt32(key),
        CPUMap.Value(
          name: "w\(key + 1)", cpu: cpus[cpus.count - 1 - key % cpus.count],
          queueCapacity: queueCapacity, program: program, programName: "p\(key)"))
    }
    let steer = Steer(
      keys: programs.indices.map { UInt32($0) }, map: Datapath.cpuMapNumber)
    let (datapath, port) = (datapath, port)
    loops = try (0..<queueCount).map {
      try datapath.addLoop(port: port, queue: $0, program: steer, named: "steer")
    }
    try datapath.start()
  }

  /// Packets that the loops received.
  var received: UInt64 { loops.reduce(0) { $0 + $1.tally[.received] } }

  /// Packets that the kernel dropped before the port saw them.
  var kernelDropped: UInt64 { port.status.kernelDropped }

  /// Waits until nothing has come for a while.
  func settle() {
    var before: UInt64 = .max
    while true {
      let seen = received + kernelDropped + datapath.entryReports.reduce(0) { $0 + $1.processed }
      if seen == before { return }
      before = seen
      Thread.sleep(for: .milliseconds(150))
    }
  }

  /// Stops everything and checks both laws, to the frame and to the buffer.
  func stopAndCheck(sourceLocation: SourceLocation = #_sourceLocation) {
    datapath.stop()
    let waiting = port.close()
    #expect(waiting.isEmpty, "\(waiting)", sourceLocation: sourceLocation)
    for loop in loops { check(loop.tally, sourceLocation) }
    let entries = datapath.entryReports
    for entry in entries { check(entry, sourceLocation) }
    let redirected = loops.reduce(0) { $0 + $1.tally[.redirect] }
    #expect(
      redirected == entries.reduce(0) { $0 + $1.offered }, sourceLocation: sourceLocation)
    for pool in port.pools {
      let census = pool.census()
      #expect(census.balances, sourceLocation: sourceLocation)
      #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
      #expect(census.doubleFree == 0, sourceLocation: sourceLocation)
      #expect(census.abandoned == 0, sourceLocation: sourceLocation)
    }
  }

  private func check(_ tally: Tally, _ location: SourceLocation) {
    let ended =
      tally[.pass] + tally.dropped + tally[.transmit] + tally[.redirect] + tally[.aborted]
    #expect(tally[.received] == ended, sourceLocation: location)
  }

  private func check(_ entry: EntryReport, _ location: SourceLocation) {
    #expect(entry.offered == entry.enqueued + entry.ringDrop, sourceLocation: location)
    #expect(entry.enqueued == entry.processed, sourceLocation: location)
    let drops = entry.drops.values.reduce(0, +)
    let ended = entry.pass + drops + entry.transmit + entry.redirect + entry.aborted
    #expect(entry.processed == ended, sourceLocation: location)
  }
}
