// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Plugins
import Ports
import Synchronization
import Syscalls
import TestSupport
import Testing
import XDPFrame

@testable import Datapath

extension Stress {
  /// Datapaths that start and stop, with and without traffic.
  @Suite struct LifecycleTests {
    @Test(arguments: ParkingMode.allCases)
    func stoppingUnderLoadBringsEveryBufferHome(mode: ParkingMode) throws {
      for round in 0..<(isInstrumented ? 5 : 20) {
        let registry = MemoryRegistry(arena: try Arena())
        let pools = try (0..<2).map { _ in try PagePool(registry: registry, pageCount: 1_024) }
        let datapath = Datapath(registry: registry, parking: mode, allowsRing: round % 2 == 0)
        let out = RecordingPort("out", registry: registry)
        datapath.setPassPort(out)
        try datapath.devMap.update(0, out)
        for key: UInt32 in 0..<3 {
          // One drops, one passes, one sends on: each to its end while everything stops.
          let program: (any Program & Sendable)? = key == 0 ? Drop() : key == 1 ? nil : ToDevice()
          try datapath.cpuMap.update(key, value("w\(key)", queue: 256, program: program))
        }
        let loops = try pools.enumerated().map { number, pool in
          let generator = try GeneratorPort(
            name: "gen \(number)", registry: registry, model: pool,
            plan: GeneratorPort.Plan(flowCount: 16))
          datapath.add(generator)
          return try datapath.addLoop(
            port: generator, queue: 0, program: RoundRobin(keyCount: 4), named: "all",
            adopt: { pool.adopt() })
        }
        try datapath.start()
        while loops.contains(where: { $0.tally[.received] < 2_000 }) {}
        datapath.stop()
        let snapshot = datapath.snapshot()
        for port in snapshot.ports {
          #expect(port.inFlight == 0)
          #expect(port.received == port.redirect + port.dropped)
        }
        let offered = snapshot.entries.reduce(0) { $0 + $1.offered }
        #expect(offered == snapshot.ports.reduce(0) { $0 + $1.redirect })
        for entry in snapshot.entries {
          expectBalance(entry)
          #expect(entry.depth == 0)
        }
        for pool in pools { expectHome(pool) }
      }
    }

    @Test func whatAPortHoldsWhenEverythingStopsIsStillReceived() throws {
      let bench = try Bench()
      try bench.put(1_000)
      let out = RecordingPort("out", registry: bench.registry)
      bench.datapath.setPassPort(out)
      let loop = try bench.datapath.addLoop(port: bench.port, queue: 0, program: nil, named: "none")
      try bench.datapath.start()
      bench.datapath.stop()
      #expect(loop.tally[.received] == 1_000)
      #expect(out.marks == Array(0..<1_000))
      bench.expectAllHome()
    }

    @Test func stoppingDetachesAndMaintainsEveryPort() throws {
      let bench = try Bench()
      let port = RecordingPort("quiet", registry: bench.registry)
      _ = try bench.datapath.addLoop(port: port, queue: 0, program: nil, named: "none")
      try bench.datapath.start()
      // An idle port is looked after without being asked for.
      while port.state.withLock({ $0.maintenanceCount }) < 2 { Thread.sleep(for: .milliseconds(1)) }
      #expect(port.state.withLock { !$0.isDetached })
      bench.datapath.stop()
      #expect(port.state.withLock { $0.isDetached })
      #expect(port.state.withLock { $0.maintenanceCount } >= 3)
    }

    @Test func eachQueueIsServedByALoopOnItsOwnCPU() throws {
      let bench = try Bench(queueCount: 3)
      let recorders = (0..<3).map { _ in Recorder() }
      let cpus = (0..<3).map { Bench.cpus[$0 % Bench.cpus.count] }
      let loops = try (0..<3).map {
        try bench.datapath.addLoop(
          port: bench.port, queue: $0, program: recorders[$0], named: "all", cpu: cpus[$0])
      }
      let feeders = (0..<3).map { Feeder(bench, flows: $0..<($0 + 1), queue: $0, count: 500) }
      try bench.datapath.start()
      // Starting what has started changes nothing.
      try bench.datapath.start()
      for feeder in feeders { feeder.start() }
      for feeder in feeders { feeder.join() }
      bench.datapath.stop()
      for (number, recorder) in recorders.enumerated() {
        #expect(loops[number].tally[.received] == 500)
        #expect(recorder.marks == (0..<500).map { UInt32(number << 24 | $0) })
        #expect(recorder.cpus == [cpus[number]])
        feeders[number].expectAllHome()
      }
      #expect(bench.datapath.snapshot().ports.first?.received == 1_500)
    }

    /// The loop sleeps on the port's descriptor; one that missed the packet would cost 50 ms each time, 100 s in all.
    @Test(.timeLimit(.minutes(1)), arguments: [ParkingMode.sleep, .adaptive], [true, false])
    func aSleepingLoopIsWokenByItsPort(mode: ParkingMode, allowsRing: Bool) throws {
      let bench = try Bench(parking: mode, allowsRing: allowsRing)
      let port = try BellPort(bench.port)
      let loop = try bench.datapath.addLoop(port: port, queue: 0, program: Drop(), named: "drop")
      try bench.datapath.start()
      let rounds = isInstrumented ? 500 : 2_000
      for round in 0..<rounds {
        port.put(try bench.packet(UInt32(round)))
        while loop.tally[.received] == UInt64(round) {}
        for _ in 0..<(round * 13 % 2_000) { clinux_pause() }
      }
      bench.datapath.stop()
      #expect(loop.tally[DropReason.programDrop] == UInt64(rounds))
      bench.expectAllHome()
    }

    @Test func countersStandUnderTheNamesThatOperatorsKnow() throws {
      let bench = try Bench(portCapacity: 64)
      let other = RecordingPort("other", registry: bench.registry)
      other.state.withLock { $0.room = 30 }
      bench.datapath.add(other)
      bench.datapath.setPassPort(other)
      try bench.datapath.devMap.update(0, other)
      try bench.datapath.devMap.update(1, bench.port)
      let program = Scripted(
        [.redirect, .drop, .transmit, .aborted, .pass],
        target: RedirectTarget(map: Datapath.devMapNumber, key: 0))
      let loop = try bench.datapath.addLoop(
        port: bench.port, queue: 0, program: program, named: "all")
      try bench.put(60)
      try bench.datapath.start()
      bench.datapath.stop()
      // Twelve of each kind: the other port has room for what is redirected, then for what is passed.
      let ports = bench.datapath.snapshot().ports
      #expect(loop.tally[.received] == 60)
      #expect(ports.map(\.name) == ["in", "other"])
      #expect(
        dictionary(ports[0]) == [
          "rx_xdp_redirect": 12, "rx_xdp_drop": 24, "rx_xdp_tx": 12, "rx_xdp_tx_errors": 0,
          "rx_xdp_pass": 12, "tx_xdp_xmit": 0, "tx_xdp_xmit_errors": 0,
        ])
      #expect(dictionary(ports[1])["tx_xdp_xmit"] == 12)
      #expect(dictionary(ports[1])["tx_xdp_xmit_errors"] == 0)
      _ = bench.takeSentMarks()
      bench.expectAllHome()
    }

    @Test func whatAPortCouldNotSendIsAnErrorUnderTheNamesThatOperatorsKnow() throws {
      let bench = try Bench(portCapacity: 64)
      let other = RecordingPort("other", registry: bench.registry)
      other.state.withLock { $0.room = 5 }
      bench.datapath.add(other)
      try bench.datapath.devMap.update(0, other)
      let program = Scripted(
        [.redirect, .transmit], target: RedirectTarget(map: Datapath.devMapNumber, key: 0))
      let feeder = Feeder(bench, flows: 0..<1, count: 200)
      _ = try bench.datapath.addLoop(port: bench.port, queue: 0, program: program, named: "all")
      try bench.datapath.start()
      feeder.start()
      feeder.join()
      bench.datapath.stop()
      let ports = bench.datapath.snapshot().ports.map(dictionary)
      #expect(
        ports[0] == [
          "rx_xdp_redirect": 5, "rx_xdp_drop": 95, "rx_xdp_tx": 64, "rx_xdp_tx_errors": 36,
          "rx_xdp_pass": 0, "tx_xdp_xmit": 0, "tx_xdp_xmit_errors": 0,
        ])
      #expect(ports[1]["tx_xdp_xmit"] == 5)
      #expect(ports[1]["tx_xdp_xmit_errors"] == 95)
      _ = bench.takeSentMarks()
      feeder.expectAllHome()
    }

    private func dictionary(_ port: PortReport) -> [String: UInt64] {
      Dictionary(uniqueKeysWithValues: port.ethtool.map { ($0.name, $0.value) })
    }
  }
}

/// Sends everything out of the device at key 0.
private final class ToDevice: PacketProgram, Sendable {
  func run(_ packet: inout Buff) -> Verdict {
    packet.redirect(to: RedirectTarget(map: Datapath.devMapNumber, key: 0, onMiss: .drop))
  }
}

/// A memory port that rings a bell when a packet is put in, as a socket becomes readable.
private final class BellPort: Port, Sendable {
  private let port: MemoryPort
  private let bell: EventFD

  init(_ port: MemoryPort) throws {
    self.port = port
    bell = try EventFD()
  }

  func put(_ frame: consuming Frame) {
    if let rejected = port.put(frame) { rejected.recycle(.ringFull) }
    bell.signal()
  }

  var name: String { port.name }
  var number: UInt32 { port.number }
  var status: PortStatus { port.status }
  var queueCount: Int { port.queueCount }

  func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    bell.drain()
    port.receive(&burst, queue: queue, budget: budget, tally: tally)
  }

  func transmit(_ frames: inout FrameBulk) -> Int { port.transmit(&frames) }
  func pollDescriptor(queue: Int) -> Int32? { bell.descriptor.raw }
  func maintain(queue: Int) {}
}
