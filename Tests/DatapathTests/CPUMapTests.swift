// SPDX-License-Identifier: Apache-2.0

import CLinux
import MemModels
import Plugins
import Ports
import Syscalls
import Testing
import Wire
import XDPFrame

@testable import Datapath

extension Stress {
  @Suite struct CPUMapTests {
    private let toFirst = RedirectTarget(map: Datapath.cpuMapNumber, key: 0, onMiss: .drop)

    @Test(arguments: ParkingMode.allCases, [true, false])
    func framesReachTheirWorkerInOrderAndComeHome(mode: ParkingMode, allowsRing: Bool) throws {
      let bench = try Bench(parking: mode, allowsRing: allowsRing)
      let recorder = Recorder(.drop)
      try bench.datapath.cpuMap.update(0, value("w0", program: recorder))
      let loop = try bench.carry(5_000, steeredBy: Scripted([.redirect], target: toFirst))
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

    /// The kernel's figures: of 64 frames in one poll a queue of 8 takes 8, of 16 a queue of 1 takes 1.
    @Test(arguments: [(1, 16), (8, 64), (63, 64), (64, 64)])
    func aQueueTakesWhatItHoldsAndTheNewestAreDropped(queue: Int, count: Int) throws {
      let bench = try Bench(parking: .sleep)
      let recorder = Recorder()
      try bench.datapath.cpuMap.update(0, value("w0", queue: queue, program: recorder))
      let frames = try (0..<count).map { try bench.packet(UInt32($0)).take() }
      for frame in frames { bench.put(Frame(owning: frame)) }
      let driver = try Driver(
        Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
      driver.drain()
      bench.datapath.stop()
      expectBalance(driver.tally)
      #expect(driver.tally[.redirect] == UInt64(count))
      let report = try #require(bench.datapath.entryReports.first)
      expectBalance(report)
      #expect(report.offered == UInt64(count))
      #expect(report.enqueued == UInt64(queue))
      #expect(report.ringDrop == UInt64(count - queue))
      #expect(recorder.marks == Array(0..<UInt32(queue)))
      let dropped = frames.dropFirst(queue).map { DropReason(rawValue: $0.reason) }
      #expect(dropped.allSatisfy { $0 == .ringFull })
      bench.expectAllHome()
    }

    @Test(arguments: [true, false])
    func programsOfOneMapAgreeOnFragments(first: Bool) throws {
      let bench = try Bench()
      let map = bench.datapath.cpuMap
      try map.update(0, value("plain"))
      let old = try map.update(1, value("first", program: Accepting(first)))
      expectErrno(12) { () throws(MapError) in
        try map.update(2, value("second", program: Accepting(!first)))
      }
      #expect(map.entry(2) == nil)
      // The kernel's map, too, remembers its first program when that is gone.
      try map.remove(1)
      expectErrno(12) { () throws(MapError) in
        try map.update(1, value("second", program: Accepting(!first)))
      }
      #expect(map.entry(1) == nil)
      try map.update(1, value("second", program: Accepting(first)))
      withExtendedLifetime(old) { bench.datapath.stop() }
    }

    @Test func anEntrysOwnVerdictsAreActedUpon() throws {
      let bench = try Bench()
      let other = try MemoryPort(name: "other", registry: bench.registry)
      try bench.datapath.devMap.update(0, other)
      bench.datapath.setPassPort(other)
      let script = Scripted(
        [.drop, .pass, .transmit, .redirect, .aborted, Verdict(rawValue: 9)],
        target: RedirectTarget(map: Datapath.devMapNumber, key: 0))
      try bench.datapath.cpuMap.update(0, value("w0", program: script))
      _ = try bench.carry(600, steeredBy: Scripted([.redirect], target: toFirst))
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

    @Test(arguments: [ReceiveMode.jumbo, .headerSplit])
    func aWorkerSendsBackWhatThePortLaidOverBuffers(mode: ReceiveMode) throws {
      let bench = try Bench()
      let port = try MemoryPort(
        name: "wire", registry: bench.registry, models: [bench.pool], receiving: mode)
      bench.datapath.add(port)
      try bench.datapath.cpuMap.update(0, value("w0", program: Reflect()))
      let packets = (0..<60).map {
        NumberedPacket(flow: UInt32($0), place: 7).octets(byteCount: [60, 1_514, 9_000][$0 % 3])
      }
      for packet in packets { #expect(port.put(packet)) }
      let driver = try Driver(Scripted([.redirect], target: toFirst), on: port, in: bench.datapath)
      driver.drain()
      bench.datapath.stop()
      expectBalance(driver.tally)
      #expect(driver.tally[.redirect] == 60)
      for packet in packets {
        guard let frame = port.takeSent() else { throw Bench.Missing.page }
        let back = frame.octets()
        // It comes from whom it went to.
        #expect(back == Array(packet[6..<12] + packet[0..<6] + packet[12...]))
      }
      bench.expectAllHome()
    }

    @Test func anEntryWithoutAProgramPasses() throws {
      let bench = try Bench()
      try bench.datapath.cpuMap.update(0, value("w0"))
      _ = try bench.carry(100, steeredBy: Scripted([.redirect], target: toFirst))
      bench.datapath.stop()
      let report = try #require(bench.datapath.entryReports.first)
      expectBalance(report)
      #expect(report.drops == [.passUnconfigured: 100])
      #expect(report.program == nil)
      bench.expectAllHome()
    }

    @Test func whatAWorkerSendsBackIsGatheredForEachPort() throws {
      let bench = try Bench()
      let ports = (0..<2).map { RecordingPort("port \($0)", registry: bench.registry) }
      let infos = try ports.map {
        bench.datapath.add($0)
        return try bench.registry.registerQueue(
          port: $0.number, queue: 0, memory: bench.pool.memory)
      }
      let gate = Gate(.transmit)
      gate.close()
      let entry = try bench.datapath.cpuMap.update(0, value("w0", program: gate))
      let driver = try Driver(
        Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
      // The first packet keeps the worker busy, so that the others arrive together; a third of them by no known port.
      try bench.put(1)
      driver.drain()
      while entry.depth > 0 {}
      let slots = try (0..<60).map { mark in
        let frame = try bench.packet(UInt32(mark))
        frame.descriptor.queueNumber = mark % 3 < 2 ? infos[mark % 3].number : 1_000
        frame.descriptor.setOwner(.ring, number: 0)
        return Slot(frame.take()).rawValue
      }
      #expect(unsafe entry.enqueue(slots, count: 60) == 60)
      gate.open()
      bench.datapath.stop()
      for (number, port) in ports.enumerated() {
        #expect(port.bulkCounts == [20])
        #expect(port.marks == stride(from: UInt32(number), to: 60, by: 3).map { $0 })
      }
      let report = try #require(bench.datapath.entryReports.first)
      expectBalance(report)
      #expect(report.transmit == 41)
      #expect(report.drops == [.portGone: 20])
      #expect(bench.takeSentMarks() == [0])
      bench.expectAllHome()
    }

    /// Holds however slow the machine is: the time of the program is in it, and that of the worker's sleep is not.
    @Test func aWorkersTimeIsThatOfItsFrames() throws {
      let bench = try Bench(parking: .sleep)
      let lingering = Lingering(nanoseconds: 2_000_000)
      let entry = try bench.datapath.cpuMap.update(0, value("w0", program: lingering))
      let driver = try Driver(
        Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
      var asleep: UInt64 = 0
      let start = clinux_now()
      for round in 0..<10 {
        try bench.put(1)
        driver.drain()
        while entry.tally.dropped <= round {}
        // From the next time on that it lies down it has nothing to do.
        let sleeps = entry.parking.counts.sleeps
        while entry.parking.counts.sleeps == sleeps {}
        let sleepBegan = clinux_now()
        Thread.sleep(for: .milliseconds(2))
        asleep += clinux_now() - sleepBegan
      }
      bench.datapath.stop()
      let elapsed = clinux_now() - start
      let report = try #require(bench.datapath.entryReports.first)
      expectBalance(report)
      #expect(report.processed == 10)
      #expect(report.busyNanoseconds >= lingering.spent)
      #expect(report.busyNanoseconds <= elapsed - asleep)
      bench.expectAllHome()
    }

    @Test func framesThatGoInCirclesAreEnded() throws {
      let bench = try Bench()
      for (key, next) in [(UInt32(0), UInt32(1)), (1, 0)] {
        let onward = Scripted(
          [.redirect], target: RedirectTarget(map: Datapath.cpuMapNumber, key: next))
        try bench.datapath.cpuMap.update(key, value("w\(key)", program: onward))
      }
      _ = try bench.carry(64, steeredBy: Scripted([.redirect], target: toFirst))
      while bench.pool.outstanding > 0 {}
      bench.datapath.stop()
      let reports = bench.datapath.entryReports
      #expect(reports.compactMap { $0.drops[.redirectLoop] }.reduce(0, +) == 64)
      // The loop's redirect is the first of four that are allowed, so two entries see the frames twice each.
      #expect(reports.map(\.processed) == [128, 128])
      for report in reports { expectBalance(report) }
      bench.expectAllHome()
    }

    @Test func slotsThatNameNothingOfTheEntrysAreNotFollowed() throws {
      let bench = try Bench()
      let recorder = Recorder()
      let entry = try bench.datapath.cpuMap.update(0, value("w0", program: recorder))
      let ours = try bench.packet(1)
      let elsewhere = try bench.packet(2)
      let gone = try bench.packet(3)
      let slots = [
        UInt64.max, UInt64(Descriptor.limit), 0xFFFF_FFFF,  // beyond every arena
        Slot(elsewhere.descriptor).rawValue,  // in a test's hands
        Slot(gone.descriptor).rawValue,  // goes home below
        Slot(ours.descriptor).rawValue, Slot(ours.descriptor).rawValue,  // queued twice
      ]
      gone.descriptor.setOwner(.ring, number: 0)
      gone.recycle(.shutdown)
      ours.descriptor.setOwner(.ring, number: 0)
      _ = ours.take()
      #expect(unsafe entry.enqueue(slots, count: slots.count) == slots.count)
      bench.datapath.stop()
      let report = try #require(bench.datapath.entryReports.first)
      expectBalance(report)
      #expect(report.processed == 7)
      #expect(report.stale == 6)
      #expect(report.drops == [.invalidDescriptor: 6, .programDrop: 1])
      #expect(recorder.marks == [1])
      #expect(elsewhere.descriptor.owner == .receive)
      elsewhere.recycle(.shutdown)
      bench.expectAllHome()
    }

    @Test func changesAreRefusedAsTheKernelRefusesThem() throws {
      let bench = try Bench()
      let map = bench.datapath.cpuMap
      func update(
        _ key: UInt32, queue: Int = 8, cpu: Int = 0, rule: UpdateRule = .any
      ) throws(MapError) {
        let value = CPUMap.Value(name: "w", cpu: cpu, queueCapacity: queue)
        try map.update(key, value, rule: rule)
      }
      let beyond = UInt32(map.capacity)
      expectErrno(E2BIG) { () throws(MapError) in try update(beyond, queue: 20_000) }
      expectErrno(EEXIST) { () throws(MapError) in try update(0, queue: 20_000, rule: .create) }
      expectErrno(EOVERFLOW) { () throws(MapError) in try update(0, queue: 16_385, cpu: 9_999) }
      expectErrno(ENODEV) { () throws(MapError) in try update(0, queue: 0, cpu: 9_999) }
      expectErrno(EINVAL) { () throws(MapError) in try update(0, queue: 0) }
      expectErrno(EINVAL) { () throws(MapError) in try map.remove(beyond) }
      expectErrno(nil) { () throws(MapError) in try map.remove(0) }
      #expect(map.entry(0) == nil)
      expectErrno(nil) { () throws(MapError) in try update(beyond - 1, queue: 16_384) }
      expectErrno(nil) { () throws(MapError) in try update(0, rule: .replace) }
      #expect(map.entry(0)?.queueCapacity == 8)
      #expect(map.allEntries.count == 2)
      bench.datapath.stop()
      #expect(map.allEntries.isEmpty)
    }
  }
}

/// Takes its time for each burst, drops it, and says how long that took.
private final class Lingering: Program, @unchecked Sendable {
  // Safe: written by the worker, and read by the test when that has ended.
  private(set) var spent: UInt64 = 0
  private let nanoseconds: UInt64

  init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  func run(_ burst: inout Burst) {
    let start = clinux_now()
    while clinux_now() - start < nanoseconds {}
    burst.setAll(.drop)
    spent += clinux_now() - start
  }
}

/// An entry of the last CPU.
func value(
  _ name: String, queue: Int = 2_048, program: (any Program & Sendable)? = nil
) -> CPUMap.Value {
  CPUMap.Value(
    name: name, cpu: Bench.cpus.last ?? 0, queueCapacity: queue, program: program,
    programName: name)
}

extension Bench {
  /// Runs packets through a started datapath and waits until all are received.
  func carry(_ count: Int, steeredBy program: any Program & Sendable) throws -> LoopThread {
    let loop = try datapath.addLoop(port: port, queue: 0, program: program, named: "steer")
    // The loop's thread allocates nothing, so the pool stays the test's.
    try datapath.start()
    var put = 0
    while put < count {
      let burst = min(64, count - put)
      if pool.outstanding + burst < 900 {
        try self.put(burst, from: put)
        put += burst
      }
    }
    while loop.tally[.received] < UInt64(count) {}
    return loop
  }
}

/// Passes everything, and says whether it accepts fragments.
private final class Accepting: Program, Sendable {
  let acceptsFragments: Bool

  init(_ acceptsFragments: Bool) { self.acceptsFragments = acceptsFragments }

  func run(_ burst: inout Burst) { burst.setAll(.pass) }
}
