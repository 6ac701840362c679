// SPDX-License-Identifier: Apache-2.0

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
  /// Entries and programs that change while packets flow.
  @Suite struct HotChangeTests {
    @Test(.timeLimit(.minutes(5)), arguments: ParkingMode.allCases)
    func entriesComeAndGoUnderTwoProducersAndNothingIsLost(mode: ParkingMode) throws {
      let bench = try Bench(queueCount: 2, parking: mode)
      let keyCount = 3
      // One program for all entries that a key ever has: it sees the order across changes, and would race if two
      // workers ran it.
      let checks = (0..<keyCount).map { _ in FlowCheck() }
      let feeders = (0..<2).map { Feeder(bench, flows: ($0 * 6)..<($0 * 6 + 6), queue: $0) }
      let loops = try (0..<2).map {
        try bench.datapath.addLoop(
          port: bench.port, queue: $0, program: ByFlow(keyCount: keyCount), named: "by flow")
      }
      try bench.datapath.start()
      for feeder in feeders { feeder.start() }
      var random = SeededGenerator(seed: 1)
      for _ in 0..<HotChangeTests.changeCount {
        let key = Int.random(in: 0..<keyCount, using: &random)
        if Int.random(in: 0..<4, using: &random) == 0 {
          try bench.datapath.cpuMap.remove(UInt32(key))
        } else {
          let cpu = Bench.cpus.randomElement(using: &random) ?? 0
          let capacity = [8, 512, 2_048].randomElement(using: &random) ?? 8
          try bench.datapath.cpuMap.update(
            UInt32(key),
            CPUMap.Value(
              name: "w\(key)", cpu: cpu, queueCapacity: capacity, program: checks[key]))
        }
      }
      for feeder in feeders { feeder.requestStop() }
      for feeder in feeders { feeder.join() }
      bench.datapath.stop()
      let put = feeders.reduce(0) { $0 + UInt64($1.putCount) }
      #expect(put > 10_000)
      #expect(loops.reduce(0) { $0 + $1.tally[.received] } == put)
      for loop in loops {
        expectBalance(loop.tally)
        #expect(loop.tally[.received] == loop.tally[.redirect] + loop.tally[DropReason.noEntry])
      }
      let reports = bench.datapath.entryReports
      #expect(reports.count <= keyCount)
      for report in reports { expectBalance(report) }
      #expect(loops.reduce(0) { $0 + $1.tally[.redirect] } == reports.reduce(0) { $0 + $1.offered })
      #expect(reports.allSatisfy { $0.depth == 0 && $0.stale == 0 })
      #expect(checks.reduce(0) { $0 + $1.seen } == reports.reduce(0) { $0 + $1.processed })
      #expect(checks.allSatisfy { $0.disorder == 0 })
      for feeder in feeders { feeder.expectAllHome() }
    }

    /// Threads cost a sanitizer far more than frames do.
    private static let changeCount = isInstrumented ? 50 : 100

    @Test func anEntryThatReplacesAnotherWaitsForIt() throws {
      let bench = try Bench()
      let recorder = Recorder()
      let gate = HeldRecorder(recorder)
      gate.close()
      let toFirst = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
      let old = try bench.datapath.cpuMap.update(0, value("old", program: gate))
      let driver = try Driver(
        Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
      try bench.put(10)
      driver.drain()
      let map = bench.datapath.cpuMap
      let changer = try Thread(name: "changer") {
        _ = try? map.update(0, value("new", program: recorder))
      }
      var put = 10
      while map.entry(0).map({ $0 === old || $0.offers[.offered] < 10 }) != false {
        try bench.put(1, from: put)
        driver.drain()
        put += 1
        Thread.sleep(for: .microseconds(100))
      }
      let new = try #require(map.entry(0))
      #expect(new.tally[.received] == 0)
      #expect(new.depth >= 10)
      #expect(map.allEntries.count == 2)
      gate.open()
      changer.join()
      #expect(map.allEntries.count == 1)
      bench.datapath.stop()
      #expect(recorder.marks == Array(0..<UInt32(put)))
      bench.expectAllHome()
    }

    @Test func whatEntriesCountedStaysUnderTheirName() throws {
      let bench = try Bench()
      let toFirst = RedirectTarget(map: Datapath.cpuMapNumber, key: 0, onMiss: .drop)
      let driver = try Driver(
        Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
      for name in ["a", "b", "a"] {
        try bench.datapath.cpuMap.update(0, value(name, program: Drop()))
        try bench.put(10)
        driver.drain()
      }
      #expect(bench.datapath.entryReports.map(\.name) == ["b", "a"])
      #expect(bench.datapath.entryReports.map(\.offered) == [10, 20])
      bench.datapath.stop()
      let reports = bench.datapath.entryReports
      #expect(reports.map(\.name) == ["b", "a"])
      #expect(reports.map(\.processed) == [10, 20])
      #expect(reports.allSatisfy { $0.depth == 0 })
      for report in reports { expectBalance(report) }
      bench.expectAllHome()
    }

    @Test func theBooksOfRemovedEntriesAreBounded() throws {
      let bench = try Bench()
      let driver = try Driver(
        Scripted([.redirect], target: RedirectTarget(map: Datapath.cpuMapNumber, key: 0)),
        on: bench.port, in: bench.datapath)
      let count = EntryBooks.nameLimit + 10
      for number in 0..<count {
        try bench.datapath.cpuMap.update(0, value("entry \(number)", queue: 8, program: Drop()))
        if number < 5 {
          try bench.put(1)
          driver.drain()
        }
      }
      bench.datapath.stop()
      let reports = bench.datapath.entryReports
      #expect(reports.count == EntryBooks.nameLimit + 1)
      let collective = try #require(reports.first { $0.name == EntryBooks.collectiveName })
      #expect(collective.processed == 5)
      expectBalance(collective)
      bench.expectAllHome()
    }

    @Test func programsAreSwappedUnderTrafficAndNothingIsLost() throws {
      let bench = try Bench()
      let entry = try bench.datapath.cpuMap.update(0, value("w0", program: Drop()))
      let toFirst = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
      let feeder = Feeder(bench, flows: 0..<1, pages: 512)
      let loop = try bench.datapath.addLoop(
        port: bench.port, queue: 0, program: Scripted([.redirect], target: toFirst), named: "all")
      try bench.datapath.start()
      feeder.start()
      // On a busy machine all rounds may be over before the feeder begins.
      while feeder.putCount == 0 { Thread.sleep(for: .microseconds(100)) }
      for round in 0..<2_000 {
        let version = try entry.program.replace(with: Count(verdict: .drop), named: "v\(round)")
        #expect(version == UInt64(round) + 2)
        try loop.program.replace(with: Scripted([.redirect], target: toFirst), named: "all")
      }
      feeder.requestStop()
      feeder.join()
      bench.datapath.stop()
      let put = UInt64(feeder.putCount)
      let report = try #require(bench.datapath.entryReports.first)
      expectBalance(loop.tally)
      expectBalance(report)
      #expect(report.offered == put)
      #expect(report.drops[.programDrop] == report.processed)
      #expect(report.program == ProgramLabel(name: "v1999", version: 2_001))
      #expect(loop.program.label == ProgramLabel(name: "all", version: 2_001))
      feeder.expectAllHome()
    }

    @Test func aBurstIsRunByOneVersionAlone() throws {
      let bench = try Bench()
      let driver = try Driver(Uniform(.drop), on: bench.port, in: bench.datapath)
      let (slot, flag) = (driver.slot, Flag())
      let changer = try Thread(name: "changer") {
        var round = 0
        while !flag.isSet {
          _ = try? slot.replace(
            with: Uniform(round % 2 == 0 ? .aborted : .drop), named: "v\(round)")
          round += 1
        }
      }
      var counts = [0, 0]
      for _ in 0..<2_000 {
        let before = (driver.tally[.aborted], driver.tally[DropReason.programDrop])
        try bench.put(64)
        #expect(driver.loop.poll() == 64)
        let aborted = driver.tally[.aborted] - before.0
        #expect(aborted == 0 || aborted == 64)
        #expect(driver.tally[DropReason.programDrop] - before.1 == 64 - aborted)
        counts[aborted == 0 ? 0 : 1] += 1
      }
      flag.set()
      changer.join()
      #expect(counts.allSatisfy { $0 > 0 })
      #expect(Uniform.alive.load(ordering: .relaxed) == 1)
      bench.expectAllHome()
    }
  }
}

/// Gives every packet the same verdict, and knows how many of its kind there are.
private final class Uniform: Program, Sendable {
  static let alive = Atomic(0)
  private let verdict: Verdict

  init(_ verdict: Verdict) {
    self.verdict = verdict
    Uniform.alive.add(1, ordering: .relaxed)
  }

  deinit { Uniform.alive.subtract(1, ordering: .relaxed) }

  func run(_ burst: inout Burst) { burst.setAll(verdict) }
}

/// Checks the order of each flow, and drops everything.
private final class FlowCheck: PacketProgram, @unchecked Sendable {
  // Safe: an entry begins when the one before it has ended, so one worker at a time runs it; read after the last.
  private(set) var seen: UInt64 = 0
  private(set) var disorder = 0
  private var last = [UInt32](repeating: 0, count: 256)

  func run(_ packet: inout Buff) -> Verdict {
    let mark = unsafe packet.data.load(as: UInt32.self)
    let (flow, place) = (Int(mark >> 24), mark & 0xFF_FFFF)
    if place < last[flow] { disorder += 1 }
    last[flow] = place + 1
    seen += 1
    return .drop
  }
}

/// Hands bursts to a recorder once a test lets it.
private final class HeldRecorder: Program, Sendable {
  private let recorder: Recorder
  private let gate = Gate()

  init(_ recorder: Recorder) { self.recorder = recorder }

  func close() { gate.close() }
  func open() { gate.open() }

  func run(_ burst: inout Burst) {
    gate.run(&burst)
    recorder.run(&burst)
  }
}
