// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import MemModels
import Ports
import Testing
import XDPFrame

/// Workers without threads: what happens, happens when and in the order that the caller says.
@Suite struct SteppingTests {
  @Test func nothingHappensUntilAnEntryIsPolled() throws {
    let bench = try Bench(workers: .stepped)
    let recorder = Recorder(.drop)
    // A CPU that no machine has is but a name here.
    let entry = try bench.datapath.cpuMap.update(
      0, CPUMap.Value(name: "w", cpu: 4_000, program: recorder))
    let driver = try bench.run(RoundRobin(keyCount: 1), packets: 100)
    #expect(driver.tally[.redirect] == 100)
    #expect(entry.depth == 100)
    #expect(recorder.marks.isEmpty)
    #expect(entry.poll() == 64)
    #expect(recorder.marks == Array(0..<64))
    #expect(entry.poll() == 36)
    #expect(entry.poll() == 0)
    #expect(recorder.marks == Array(0..<100))
    bench.datapath.stop()
    expectBalance(EntryReport(entry))
    bench.expectAllHome()
  }

  @Test func anEntryThatGoesEmptiesItsQueueFirst() throws {
    let bench = try Bench(workers: .stepped)
    let (first, second) = (Recorder(.drop), Recorder(.drop))
    try bench.datapath.cpuMap.update(0, CPUMap.Value(name: "a", cpu: 0, program: first))
    _ = try bench.run(RoundRobin(keyCount: 1), packets: 70)
    let entry = try bench.datapath.cpuMap.update(
      0, CPUMap.Value(name: "b", cpu: 0, program: second))
    #expect(first.marks == Array(0..<70))
    _ = try bench.run(RoundRobin(keyCount: 1), packets: 3)
    #expect(entry.poll() == 3)
    _ = try bench.run(RoundRobin(keyCount: 1), packets: 5)
    bench.datapath.stop()
    #expect(second.marks.count == 8)
    for report in bench.datapath.entryReports { expectBalance(report) }
    bench.expectAllHome()
  }
}
