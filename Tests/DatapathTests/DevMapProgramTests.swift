// SPDX-License-Identifier: Apache-2.0

import CLinux
import Datapath
import MemModels
import Ports
import Synchronization
import Syscalls
import Testing
import XDPFrame

/// Programs of device-map entries.
@Suite struct DevMapProgramTests {
  private let toFirst = RedirectTarget(map: Datapath.devMapNumber, key: 0)

  @Test func onlyWhatTheProgramPassesIsSent() throws {
    let warnings = Mutex<[String]>([])
    let bench = try Bench { text in warnings.withLock { $0.append(text) } }
    let device = RecordingPort("device", registry: bench.registry)
    bench.datapath.add(device)
    let script = Scripted(
      [.pass, .drop, .aborted, .transmit, .redirect, Verdict(rawValue: 9)], target: toFirst)
    try bench.datapath.devMap.update(0, device, program: script, named: "filter")
    let driver = try bench.run(Scripted([.redirect], target: toFirst), packets: 60)
    #expect(driver.tally[.redirect] == 10)
    #expect(driver.tally[DropReason.programDrop] == 10)
    #expect(driver.tally[.aborted] == 10)
    #expect(driver.tally[DropReason.badVerdict] == 30)
    #expect(device.marks == stride(from: 0, to: 60, by: 6).map { $0 })
    #expect(warnings.withLock { $0.count } == 1)
    let report = try #require(bench.datapath.snapshot().ports.first { $0.name == "device" })
    #expect(report.redirectedIn == 10)
    #expect(report.redirectedInErrors == 0)
    bench.expectAllHome()
  }

  @Test func theProgramKnowsWhereThePacketCameFromAndWhereItGoes() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    let witness = Witness()
    try bench.datapath.devMap.update(0, device, program: witness)
    _ = try bench.run(Scripted([.redirect], target: toFirst), packets: 20)
    #expect(witness.ways == Set([Way(ingress: bench.port.number, egress: device.number)]))
    #expect(witness.burstCounts == [16, 4])
    bench.expectAllHome()
  }

  @Test func whatTheProgramChangesIsSent() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    try bench.datapath.devMap.update(0, device, program: Renumber(by: 1_000))
    _ = try bench.run(Scripted([.redirect], target: toFirst), packets: 20)
    #expect(device.marks == Array(1_000..<1_020))
    bench.expectAllHome()
  }

  @Test func aPacketThatLosesItsRoomIsDropped() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    try bench.datapath.devMap.update(0, device, program: Filler())
    let driver = try bench.run(Scripted([.redirect], target: toFirst), packets: 20)
    #expect(driver.tally[.redirect] == 10)
    #expect(driver.tally[DropReason.programDrop] == 10)
    bench.expectAllHome()
  }

  /// In the kernel the bulk's first program would run over all of it.
  @Test func eachEntrysFramesMeetItsOwnProgram() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    let counts = (0..<2).map { _ in Witness() }
    for key in 0..<2 {
      try bench.datapath.devMap.update(UInt32(key), device, program: counts[key])
    }
    try bench.datapath.devMap.update(2, device)
    _ = try bench.run(RoundRobin(map: Datapath.devMapNumber, keyCount: 3), packets: 30)
    #expect(device.marks == Array(0..<30))
    for witness in counts { #expect(witness.burstCounts == Array(repeating: 1, count: 10)) }
    bench.expectAllHome()
  }

  @Test func aProgramThatAcceptsNoFragmentsMeetsNone() throws {
    let bench = try Bench()
    let device = RecordingPort("device", registry: bench.registry)
    let witness = Witness(acceptsFragments: false)
    try bench.datapath.devMap.update(0, device, program: witness)
    let driver = try Driver(
      Scripted([.redirect], target: toFirst), on: bench.port, in: bench.datapath)
    for mark in 0..<20 {
      bench.put(try bench.packet(UInt32(mark), fragmentCount: mark % 4 == 0 ? 2 : 0))
    }
    driver.drain()
    expectBalance(driver.tally)
    #expect(driver.tally[.redirect] == 15)
    #expect(driver.tally[DropReason.tooManyFragments] == 5)
    #expect(device.marks == (0..<20).filter { $0 % 4 != 0 })
    #expect(witness.burstCounts == [12, 3])
    bench.expectAllHome()
  }

  @Test(arguments: [true, false])
  func programsOfOneMapAgreeOnFragments(first: Bool) throws {
    let bench = try Bench()
    let map = bench.datapath.devMap
    try map.update(0, bench.port)
    try map.update(1, bench.port, program: Witness(acceptsFragments: first))
    expectErrno(EINVAL) { () throws(MapError) in
      try map.update(2, bench.port, program: Witness(acceptsFragments: !first))
    }
    try map.remove(1)
    expectErrno(EINVAL) { () throws(MapError) in
      try map.update(1, bench.port, program: Witness(acceptsFragments: !first))
    }
    try map.update(1, bench.port, program: Witness(acceptsFragments: first))
  }

  @Test func theProgramsOfCopiesDecideForEachPort() throws {
    let bench = try Bench()
    let copies = try PagePool(registry: bench.registry, pageCount: 128)
    copies.disown()
    bench.datapath.setCopyModel(copies)
    let ports = (0..<3).map { RecordingPort("p\($0)", registry: bench.registry) }
    for (key, port) in ports.enumerated() {
      bench.datapath.add(port)
      try bench.datapath.devMap.update(
        UInt32(key), port, program: Scripted([[.pass, .drop, .pass], [.drop]][min(key, 1)]))
    }
    let target = RedirectTarget(everyEntryOf: Datapath.devMapNumber)
    let driver = try bench.run(Scripted([.redirect], target: target), packets: 30)
    #expect(driver.tally[.redirect] == 30)
    #expect(driver.tally.dropped == 0)
    #expect(ports[0].marks == (0..<30).filter { $0 % 3 != 1 })
    #expect(ports[1].marks.isEmpty && ports[2].marks.isEmpty)
    let errors = bench.datapath.snapshot().ports.map(\.redirectedInErrors)
    #expect(errors == [0, 10, 30, 30])
    expectHome(copies)
    bench.expectAllHome()
  }
}

/// One way through a datapath.
private struct Way: Hashable {
  let ingress: UInt32
  let egress: UInt32?
}

/// Passes everything and remembers what it saw.
private final class Witness: Program, @unchecked Sendable {
  // Safe: run by one thread, and read when that is done.
  private(set) var ways: Set<Way> = []
  private(set) var burstCounts: [Int] = []
  let acceptsFragments: Bool

  init(acceptsFragments: Bool = true) { self.acceptsFragments = acceptsFragments }

  func run(_ burst: inout Burst) {
    burstCounts.append(burst.count)
    for position in 0..<burst.count {
      ways.insert(
        Way(ingress: burst[position].queue.port, egress: burst[position].egressPort))
    }
    burst.setAll(.pass)
  }
}

/// Adds to every mark.
private final class Renumber: PacketProgram, Sendable {
  private let offset: UInt32

  init(by offset: UInt32) { self.offset = offset }

  func run(_ packet: inout Buff) -> Verdict {
    let mark = unsafe packet.data.load(as: UInt32.self)
    unsafe packet.data.storeBytes(of: mark + offset, as: UInt32.self)
    return .pass
  }
}

/// Pushes every other packet as far as it goes, and drops those that go no further.
private final class Filler: PacketProgram, @unchecked Sendable {
  // Safe: run by one thread.
  private var count = 0

  func run(_ packet: inout Buff) -> Verdict {
    count += 1
    if count % 2 == 0 { return .drop }
    do {
      try packet.adjustHead(by: -216)
      return .pass
    } catch {
      return .aborted
    }
  }
}
