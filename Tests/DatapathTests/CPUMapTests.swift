// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import Testing
import XDPFrame

@Suite struct CPUMapTests {
  private func value(
    _ name: String, queue: Int = 2_048, program: (any Program & Sendable)? = nil
  ) -> CPUMap.Value {
    CPUMap.Value(
      name: name, cpu: Bench.cpus.last ?? 0, queueCapacity: queue, program: program,
      programName: name)
  }

  /// Runs packets through a datapath with a steering program and waits until all are seen to.
  private func carry(
    _ count: Int, by bench: Bench, program: any Program & Sendable
  ) throws
    -> LoopThread
  {
    let pool = bench.pool
    let loop = try bench.datapath.addLoop(
      port: bench.port, queue: 0, program: program, named: "steer")
    try bench.datapath.start()
    var put = 0
    while put < count {
      let burst = min(64, count - put)
      if pool.outstanding + burst < 900 {
        try bench.put(burst, from: put)
        put += burst
      }
    }
    while loop.tally[.received] < UInt64(count) {}
    return loop
  }

  @Test(arguments: ParkingMode.allCases, [true, false])
  func framesReachTheirWorkerInOrderAndComeHome(mode: ParkingMode, allowsRing: Bool) throws {
    let bench = try Bench(parking: mode, allowsRing: allowsRing)
    let recorder = Recorder(.drop)
    try bench.datapath.cpuMap.update(0, value("w0", program: recorder))
    let target = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
    let loop = try carry(5_000, by: bench, program: Scripted([.redirect], target: target))
    bench.datapath.stop()
    expectBalance(loop.tally)
    #expect(loop.tally[.redirect] == 5_000)
    let report = try #require(bench.datapath.entryReports.first)
    expectBalance(report)
    #expect(report.processed + report.ringDrop == 5_000)
    #expect(report.depth == 0)
    #expect(recorder.marks == recorder.marks.sorted())
    #expect(recorder.marks.count == Int(report.processed))
    #expect(recorder.cpus == [Bench.cpus.last ?? 0])
    bench.expectAllHome()
  }

  @Test func aQueueHoldsExactlyWhatItSays() throws {
    let bench = try Bench(parking: .sleep)
    let gate = Gate()
    try bench.datapath.cpuMap.update(0, value("w0", queue: 8, program: gate))
    let target = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
    let loop = try bench.datapath.addLoop(
      port: bench.port, queue: 0, program: Scripted([.redirect], target: target), named: "all")
    try bench.put(64)
    gate.close()
    try bench.datapath.start()
    while loop.tally[.received] < 64 {}
    gate.open()
    bench.datapath.stop()
    let report = try #require(bench.datapath.entryReports.first)
    expectBalance(report)
    #expect(report.offered == 64)
    #expect(report.enqueued == 8)
    #expect(report.ringDrop == 56)
    bench.expectAllHome()
  }

  @Test func anEntrysOwnVerdictsAreActedUpon() throws {
    let bench = try Bench()
    let other = try MemoryPort(name: "other", registry: bench.registry)
    try bench.datapath.devMap.update(0, other)
    bench.datapath.setPassPort(other)
    let script = Scripted(
      [.drop, .pass, .transmit, .redirect, .aborted, Verdict(rawValue: 9)],
      target: RedirectTarget(map: Datapath.devMapNumber, key: 0))
    try bench.datapath.cpuMap.update(5, value("w5", program: script))
    let target = RedirectTarget(map: Datapath.cpuMapNumber, key: 5)
    _ = try carry(600, by: bench, program: Scripted([.redirect], target: target))
    bench.datapath.stop()
    let report = try #require(bench.datapath.entryReports.first)
    expectBalance(report)
    #expect(report.processed == 600)
    #expect(report.pass == 100)
    #expect(report.transmit == 100)
    #expect(report.redirect == 100)
    #expect(report.aborted == 100)
    #expect(report.drops == [.programDrop: 100, .badVerdict: 100])
    #expect(bench.takeSentMarks().count == 100)
    #expect(other.sentCount == 200)
    other.close()
    bench.expectAllHome()
  }

  @Test func framesThatGoInCirclesAreEnded() throws {
    let bench = try Bench()
    let again = Scripted([.redirect], target: RedirectTarget(map: Datapath.cpuMapNumber, key: 1))
    let back = Scripted([.redirect], target: RedirectTarget(map: Datapath.cpuMapNumber, key: 0))
    try bench.datapath.cpuMap.update(0, value("w0", program: again))
    try bench.datapath.cpuMap.update(1, value("w1", program: back))
    let target = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
    _ = try carry(64, by: bench, program: Scripted([.redirect], target: target))
    while bench.pool.outstanding > 0 {}
    bench.datapath.stop()
    let reports = bench.datapath.entryReports
    #expect(reports.compactMap { $0.drops[.redirectLoop] }.reduce(0, +) == 64)
    for report in reports { expectBalance(report) }
    bench.expectAllHome()
  }

  @Test func entriesComeAndGoUnderTrafficAndNothingIsLost() throws {
    let bench = try Bench()
    let keys: [UInt32] = [0, 1, 2]
    for key in keys { try bench.datapath.cpuMap.update(key, value("w\(key)", program: Drop())) }
    let loop = try bench.datapath.addLoop(
      port: bench.port, queue: 0, program: Spread(keys: keys), named: "spread")
    try bench.datapath.start()
    var put = 0
    for round in 0..<300 {
      let key = keys[round % 3]
      if round % 2 == 0 {
        try bench.datapath.cpuMap.update(key, value("w\(key)", program: Drop()))
      } else {
        try bench.datapath.cpuMap.remove(key)
      }
      if bench.pool.outstanding < 800 {
        try bench.put(64, from: put)
        put += 64
      }
    }
    while loop.tally[.received] < UInt64(put) {}
    bench.datapath.stop()
    expectBalance(loop.tally)
    let reports = bench.datapath.entryReports
    for report in reports { expectBalance(report) }
    #expect(loop.tally[.redirect] == reports.map(\.offered).reduce(0, +))
    #expect(reports.allSatisfy { $0.depth == 0 })
    bench.expectAllHome()
  }

  @Test func programsAreSwappedUnderTrafficAndNothingIsLost() throws {
    let bench = try Bench()
    let entry = try bench.datapath.cpuMap.update(0, value("w0", program: Drop()))
    let target = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
    let loop = try bench.datapath.addLoop(
      port: bench.port, queue: 0, program: Scripted([.redirect], target: target), named: "all")
    try bench.datapath.start()
    var put = 0
    for round in 0..<200 {
      let version = entry.program.replace(with: Count(verdict: .drop), named: "v\(round)")
      #expect(version == UInt64(round) + 2)
      if bench.pool.outstanding < 800 {
        try bench.put(64, from: put)
        put += 64
      }
    }
    while loop.tally[.received] < UInt64(put) {}
    bench.datapath.stop()
    let report = try #require(bench.datapath.entryReports.first)
    expectBalance(report)
    #expect(report.processed == UInt64(put))
    #expect(report.drops == [.programDrop: UInt64(put)])
    #expect(report.program == ProgramLabel(name: "v199", version: 201))
    bench.expectAllHome()
  }

  @Test func changesAreRefusedAsTheKernelRefusesThem() throws {
    let bench = try Bench()
    let map = bench.datapath.cpuMap
    func code(_ body: () throws(MapError) -> Void) -> Int32? {
      do throws(MapError) {
        try body()
        return nil
      } catch {
        return error.errno
      }
    }
    let key = UInt32(map.capacity)
    #expect(code { () throws(MapError) in try map.update(key, value("w")) } == 7)
    #expect(code { () throws(MapError) in try map.update(0, value("w"), rule: .create) } == 17)
    #expect(code { () throws(MapError) in try map.update(0, value("w", queue: 16_385)) } == 75)
    let nowhere = CPUMap.Value(name: "w", cpu: 1_000)
    #expect(code { () throws(MapError) in try map.update(0, nowhere) } == 19)
    #expect(code { () throws(MapError) in try map.remove(key) } == 22)
    #expect(code { () throws(MapError) in try map.remove(0) } == nil)
    bench.datapath.stop()
  }
}

/// Sends packets to keys in turn.
private final class Spread: PacketProgram, @unchecked Sendable {
  // Safe: run by one thread.
  let keys: [UInt32]
  private var position = 0

  init(keys: [UInt32]) { self.keys = keys }

  func run(_ packet: inout Buff) -> Verdict {
    position += 1
    let key = keys[position % keys.count]
    return packet.redirect(
      to: RedirectTarget(map: Datapath.cpuMapNumber, key: key, onMiss: .drop))
  }
}
