// SPDX-License-Identifier: Apache-2.0

import CLinux
import MemModels
import Ports
import Synchronization
import Testing
import XDPFrame

@testable import Datapath

@Suite struct DevMapTests {
  private func target(_ key: UInt32, onMiss miss: Verdict = .drop) -> RedirectTarget {
    RedirectTarget(map: Datapath.devMapNumber, key: key, onMiss: miss)
  }

  @Test func framesLeaveInOrderInBulksOf16() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    try bench.datapath.devMap.update(3, device)
    let driver = try bench.run(Scripted([.redirect], target: target(3)), packets: 100)
    #expect(driver.tally[.redirect] == 100)
    #expect(device.marks == Array(0..<100))
    #expect(device.bulkCounts == [16, 16, 16, 16, 16, 16, 4])
    bench.expectAllHome()
  }

  @Test func framesForSeveralPortsAreGatheredForEach() throws {
    let bench = try Bench()
    let devices = (0..<3).map { RecordingPort("device \($0)", registry: bench.registry) }
    for (key, device) in devices.enumerated() {
      try bench.datapath.devMap.update(UInt32(key), device)
    }
    // Keys 0, 1, 2 have a port, key 3 has none.
    let driver = try bench.run(RoundRobin(map: Datapath.devMapNumber, keyCount: 4), packets: 64)
    #expect(driver.tally[.redirect] == 48)
    #expect(driver.tally[DropReason.noEntry] == 16)
    for (key, device) in devices.enumerated() {
      #expect(device.bulkCounts == [16])
      #expect(device.marks == stride(from: UInt32(key), to: 64, by: 4).map { $0 })
    }
    bench.expectAllHome()
  }

  /// As the kernel's queues, which are the devices', not the entries'.
  @Test func keysOfOnePortShareItsBulksAndItsOrder() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    for key: UInt32 in 0..<5 { try bench.datapath.devMap.update(key, device) }
    _ = try bench.run(RoundRobin(map: Datapath.devMapNumber, keyCount: 5), packets: 60)
    #expect(device.marks == Array(0..<60))
    #expect(device.bulkCounts == [16, 16, 16, 12])
    bench.expectAllHome()
  }

  /// A full bulk leaves at once; what is left leaves at the end of the burst, the newest port's first.
  ///
  /// The kernel's tracepoint `xdp_devmap_xmit` tells the same six numbers.
  @Test func portsAreFlushedAsTheKernelFlushesThem() throws {
    let bench = try Bench()
    let journal = Journal()
    for (key, name) in ["a", "b", "c"].enumerated() {
      let device = RecordingPort(name, registry: bench.registry)
      device.state.withLock { $0.journal = journal }
      try bench.datapath.devMap.update(UInt32(key), device)
    }
    _ = try bench.run(RoundRobin(map: Datapath.devMapNumber, keyCount: 3), packets: 64)
    #expect(journal.notes == ["a 16", "b 16", "c 16", "c 5", "b 5", "a 6"])
    bench.expectAllHome()
  }

  @Test func morePortsThanThereAreLanesAreServedAllTheSame() throws {
    let bench = try Bench()
    let devices = (0..<40).map { RecordingPort("device \($0)", registry: bench.registry) }
    for (key, device) in devices.enumerated() {
      try bench.datapath.devMap.update(UInt32(key), device)
    }
    let driver = try bench.run(RoundRobin(map: Datapath.devMapNumber, keyCount: 40), packets: 64)
    #expect(driver.tally[.redirect] == 64)
    for (key, device) in devices.enumerated() {
      #expect(device.marks == stride(from: UInt32(key), to: 64, by: 40).map { $0 })
    }
    bench.expectAllHome()
  }

  @Test func mapsAreServedInTheKernelsOrder() throws {
    let bench = try Bench()
    let journal = Journal()
    let maps = [RedirectKind.other, .cpu, .device].map { Absorber($0, journal) }
    for (offset, map) in maps.enumerated() {
      _ = bench.datapath.routes.maps.exchange(MapReference(map), at: 10 + offset)
    }
    let driver = try bench.run(ByMark(maps: 10..<13), packets: 64)
    #expect(driver.tally[DropReason.redirectDenied] == 64)
    #expect(journal.notes == ["device 21", "cpu 21", "other 22"])
    bench.expectAllHome()
  }

  @Test(arguments: [4, 32, 1 << 15, 8 | 32] as [UInt16])
  func flagsThatAMapDoesNotKnowAbort(flags: UInt16) throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    try bench.datapath.devMap.update(0, device)
    var target = target(0)
    target.flags = RedirectFlags(rawValue: flags)
    let driver = try bench.run(Scripted([.redirect], target: target), packets: 70)
    #expect(driver.tally[.aborted] == 70)
    #expect(device.marks.isEmpty)
    bench.expectAllHome()
  }

  @Test(arguments: [.broadcast, .excludeIngress] as [RedirectFlags])
  func aMapOfCPUsKnowsNoBroadcast(flags: RedirectFlags) throws {
    let bench = try Bench()
    var target = RedirectTarget(map: Datapath.cpuMapNumber, key: 0)
    target.flags = flags
    let driver = try bench.run(Scripted([.redirect], target: target), packets: 70)
    #expect(driver.tally[.aborted] == 70)
    bench.expectAllHome()
  }

  /// Without the other flag it only says that the program has thought of it.
  @Test func excludingTheIngressAloneExcludesNothing() throws {
    let bench = try Bench()
    try bench.datapath.devMap.update(0, bench.port)
    var target = target(0)
    target.flags = .excludeIngress
    let driver = try bench.run(Scripted([.redirect], target: target), packets: 10)
    #expect(driver.tally[.redirect] == 10)
    #expect(bench.takeSentMarks() == Array(0..<10))
    bench.expectAllHome()
  }

  @Test func aFrameThatIsTooLongLeavesOthersAlone() throws {
    let bench = try Bench()
    let small = try MemoryPort(name: "small", registry: bench.registry, mtu: 100)
    try bench.datapath.devMap.update(0, small)
    let driver = try Driver(
      Scripted([.redirect], target: target(0)), on: bench.port, in: bench.datapath)
    for mark in 0..<10 {
      let byteCount = mark % 3 == 0 ? 119 : 118
      bench.put(try bench.packet(UInt32(mark), byteCount: byteCount))
    }
    driver.drain()
    expectBalance(driver.tally)
    #expect(driver.tally[.redirect] == 6)
    #expect(driver.tally[DropReason.redirectMTU] == 4)
    #expect(takeSentMarks(of: small) == [1, 2, 4, 5, 7, 8])
    bench.expectAllHome()
  }

  @Test func fragmentsGoOnlyWhereTheyCanBeSent() throws {
    let bench = try Bench()
    let flat = try MemoryPort(name: "flat", registry: bench.registry, sendsFragments: false)
    let deep = try MemoryPort(name: "deep", registry: bench.registry)
    try bench.datapath.devMap.update(0, flat)
    try bench.datapath.devMap.update(1, deep)
    for (key, reason) in [(UInt32(0), DropReason.redirectNoFragments), (1, nil)] {
      let program = Scripted([.redirect], target: target(key))
      let driver = try Driver(program, on: bench.port, in: bench.datapath)
      bench.put(try bench.packet(7, byteCount: 64, fragmentCount: 2))
      driver.drain()
      #expect(driver.tally[.redirect] == (reason == nil ? 1 : 0))
      if let reason { #expect(driver.tally[reason] == 1) }
    }
    #expect(takeSentMarks(of: deep) == [7])
    bench.expectAllHome()
  }

  @Test(arguments: [
    (DropReason.portGone, DropReason.redirectNoPort), (.portDown, .portDown),
    (.transmitFull, .transmitFull), (.mtu, .redirectMTU),
  ])
  func whatAPortRefusesIsNamedForTheRedirect(said: DropReason, counted: DropReason) throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    device.state.withLock { ($0.room, $0.refusal) = (20, said) }
    bench.datapath.add(device)
    try bench.datapath.devMap.update(0, device)
    let driver = try bench.run(Scripted([.redirect], target: target(0)), packets: 64)
    #expect(driver.tally[.redirect] == 20)
    #expect(driver.tally[counted] == 44)
    let report = try #require(bench.datapath.snapshot().ports.first { $0.name == "device" })
    #expect(report.redirectedIn == 20)
    #expect(report.redirectedInErrors == 44)
    bench.expectAllHome()
  }

  @Test func aPortThatIsTakenOutIsMissedFromThenOn() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    bench.datapath.add(device)
    for key: UInt32 in [0, 7, 255] { try bench.datapath.devMap.update(key, device) }
    bench.datapath.remove(device)
    let driver = try bench.run(Scripted([.redirect], target: target(7)), packets: 64)
    #expect(driver.tally[DropReason.noEntry] == 64)
    #expect(device.marks.isEmpty)
    #expect(!bench.datapath.snapshot().ports.contains { $0.name == "device" })
    bench.expectAllHome()
  }

  @Test func portsAreExchangedUnderTrafficAndNothingIsLost() throws {
    let bench = try Bench(pages: 2_048)
    let devices = (0..<2).map { RecordingPort("device \($0)", registry: bench.registry) }
    let feeder = Feeder(bench, flows: 0..<4, count: 40_000)
    let loop = try bench.datapath.addLoop(
      port: bench.port, queue: 0, program: Scripted([.redirect], target: target(0)), named: "all")
    try bench.datapath.start()
    feeder.start()
    var changes = 0
    while !feeder.isFinished {
      changes += 1
      if changes % 3 == 0 {
        try bench.datapath.devMap.remove(0)
      } else {
        try bench.datapath.devMap.update(0, devices[changes % 3 - 1])
      }
    }
    feeder.join()
    while loop.tally[.received] < 40_000 {}
    bench.datapath.stop()
    expectBalance(loop.tally)
    #expect(loop.tally[.redirect] == UInt64(devices.reduce(0) { $0 + $1.marks.count }))
    #expect(loop.tally[.redirect] + loop.tally[DropReason.noEntry] == 40_000)
    for device in devices { expectFlowOrder(device.marks) }
    #expect(changes > 1_000)
    feeder.expectAllHome()
  }

  @Test func changesAreRefusedAsTheKernelRefusesThem() throws {
    let bench = try Bench()
    let map = bench.datapath.devMap
    let key = UInt32(map.capacity)
    #expect(throws: MapError.self) { try map.update(key, bench.port) }
    expectErrno(E2BIG) { () throws(MapError) in try map.update(key, bench.port) }
    expectErrno(EEXIST) { () throws(MapError) in try map.update(0, bench.port, rule: .create) }
    expectErrno(nil) { () throws(MapError) in try map.update(0, bench.port, rule: .replace) }
    expectErrno(EINVAL) { () throws(MapError) in try map.remove(key) }
    expectErrno(nil) { () throws(MapError) in try map.remove(1) }
    expectErrno(nil) { () throws(MapError) in try map.remove(0) }
  }
}

/// Sends packets to maps in turn.
private final class ByMark: PacketProgram {
  private let maps: Range<UInt16>

  init(maps: Range<UInt16>) { self.maps = maps }

  func run(_ packet: inout Buff) -> Verdict {
    let mark = unsafe packet.data.load(as: UInt32.self)
    let map = maps.lowerBound + UInt16(mark) % UInt16(maps.count)
    return packet.redirect(to: RedirectTarget(map: map, key: 0))
  }
}

/// A map that refuses everything, and notes that it was asked.
private final class Absorber: RedirectMap, Sendable {
  let kind: RedirectKind
  private let journal: Journal

  init(_ kind: RedirectKind, _ journal: Journal) {
    self.kind = kind
    self.journal = journal
  }

  func redirect(_ frames: inout RedirectBurst, tally: Tally) {
    journal.note("\(kind)", frames.count)
    while let (descriptor, _) = frames.popLast() {
      tally.drop(1, .redirectDenied)
      frames.refuse(Frame(owning: descriptor), .redirectDenied)
    }
  }
}
