// SPDX-License-Identifier: Apache-2.0

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
  /// Several changes that packets meet as one.
  @Suite struct ChangeTests {
    @Test(.timeLimit(.minutes(5)), arguments: ParkingMode.allCases)
    func flowsThatMoveBetweenEntriesStayInOrderAndNothingIsLost(mode: ParkingMode) throws {
      let bench = try Bench(queueCount: 2, parking: mode)
      let check = OrderCheck()
      let feeders = (0..<2).map { Feeder(bench, flows: ($0 * 6)..<($0 * 6 + 6), queue: $0) }
      let loops = try (0..<2).map {
        try bench.datapath.addLoop(
          port: bench.port, queue: $0, program: ByFlow(keyCount: 1), named: "by flow")
      }
      try bench.datapath.cpuMap.update(0, value("w0", queue: 16_384, program: check))
      try bench.datapath.start()
      for feeder in feeders { feeder.start() }
      var random = SeededGenerator(seed: 3)
      for _ in 0..<ChangeTests.changeCount {
        let keyCount = Int.random(in: 1...4, using: &random)
        var change = Change(of: bench.datapath)
        for key in 0..<4 {
          // A key that nobody steers to any more goes in the same step.
          guard key < keyCount else {
            try change.remove(UInt32(key))
            continue
          }
          var value = value("w\(key)", queue: 16_384, program: check)
          value.cpu = Bench.cpus.randomElement(using: &random) ?? 0
          try change.update(UInt32(key), value)
        }
        for loop in loops {
          try change.replaceProgram(of: loop, with: ByFlow(keyCount: keyCount), named: "by flow")
        }
        try change.apply()
      }
      for feeder in feeders { feeder.requestStop() }
      for feeder in feeders { feeder.join() }
      bench.datapath.stop()
      let put = feeders.reduce(0) { $0 + UInt64($1.putCount) }
      #expect(put > 1_000)
      for loop in loops {
        expectBalance(loop.tally)
        // Every packet found an entry: those before a change the old ones, those after it the new ones.
        #expect(loop.tally[.received] == loop.tally[.redirect])
      }
      let reports = bench.datapath.entryReports
      for report in reports { expectBalance(report) }
      #expect(reports.reduce(0) { $0 + $1.offered } == put)
      #expect(reports.allSatisfy { $0.ringDrop == 0 && $0.depth == 0 && $0.stale == 0 })
      #expect(check.seen == put)
      #expect(check.disorder == 0)
      for feeder in feeders { feeder.expectAllHome() }
    }

    private static let changeCount = isInstrumented ? 30 : 100

    @Test func aChangeThatIsDroppedChangesNothing() throws {
      let bench = try Bench()
      let toFirst = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
      let driver = try Driver(
        Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
      let entry = try bench.datapath.cpuMap.update(0, value("old", program: Drop()))
      do {
        var change = Change(of: bench.datapath)
        try change.update(0, value("new", program: Drop()))
        expectErrno(E2BIG) { () throws(MapError) in
          try change.update(100_000, value("beyond", program: Drop()))
        }
      }
      #expect(bench.datapath.cpuMap.entry(0) === entry)
      try bench.put(10)
      driver.drain()
      bench.datapath.stop()
      #expect(bench.datapath.entryReports.map(\.name) == ["old"])
      #expect(bench.datapath.entryReports.map(\.processed) == [10])
      bench.expectAllHome()
    }

    @Test func routesChangeTogether() throws {
      let bench = try Bench()
      let ports = try (0..<2).map { try MemoryPort(name: "out\($0)", registry: bench.registry) }
      for port in ports { bench.datapath.add(port) }
      let toDevice = RedirectTarget(map: Datapath.devMapNumber, key: 3)
      let driver = try Driver(
        Scripted([.redirect, .pass], target: toDevice), on: bench.port, in: bench.datapath)
      for turn in 0..<4 {
        var change = Change(of: bench.datapath)
        try change.redirect(3, to: ports[turn % 2])
        change.setPassPort(ports[turn % 2])
        try change.apply()
        try bench.put(10)
        driver.drain()
        #expect(takeSentMarks(of: ports[turn % 2]).count == 10)
        #expect(takeSentMarks(of: ports[1 - turn % 2]).isEmpty)
      }
      bench.datapath.stop()
      bench.expectAllHome()
    }
  }
}

/// Checks the order of each flow over all entries that its packets meet, and drops everything.
private final class OrderCheck: PacketProgram, Sendable {
  private let state = Mutex(State())

  private struct State {
    var last = [UInt32](repeating: 0, count: 256)
    var seen: UInt64 = 0
    var disorder = 0
  }

  var seen: UInt64 { state.withLock { $0.seen } }
  var disorder: Int { state.withLock { $0.disorder } }

  func run(_ packet: inout Buff) -> Verdict {
    let mark = unsafe packet.data.load(as: UInt32.self)
    let (flow, place) = (Int(mark >> 24), mark & 0xFF_FFFF)
    state.withLock { state in
      if place != state.last[flow] { state.disorder += 1 }
      state.last[flow] = place + 1
      state.seen += 1
    }
    return .drop
  }
}
