// SPDX-License-Identifier: Apache-2.0

import Datapath
import MemModels
import Ports
import Synchronization
import Testing
import XDPFrame

@Suite struct ReceiveLoopTests {
  @Test func everyVerdictEndsAPacketWhereItSays() throws {
    let bench = try Bench()
    let verdicts: [Verdict] = [
      .drop, .pass, .transmit, .redirect, .aborted, Verdict(rawValue: 5), Verdict(rawValue: .max),
    ]
    let driver = try bench.run(Scripted(verdicts), packets: 700)
    let tally = driver.tally
    #expect(tally[.received] == 700)
    #expect(tally[.receivedBytes] == 700 * 64)
    #expect(tally[.bursts] == 11)
    #expect(tally[DropReason.programDrop] == 100)
    #expect(tally[DropReason.passUnconfigured] == 100)
    #expect(tally[.transmit] == 100)
    #expect(tally[.aborted] == 200)
    #expect(tally[DropReason.badVerdict] == 200)
    let expected = stride(from: UInt32(2), to: 700, by: 7).map { $0 }
    #expect(bench.takeSentMarks() == expected)
    bench.expectAllHome()
  }

  @Test func aPollTakesNoMoreThanItsBudget() throws {
    let bench = try Bench()
    let driver = try Driver(Scripted([.drop]), on: bench.port, in: bench.datapath)
    try bench.put(70)
    #expect(driver.loop.poll(budget: 5) == 5)
    #expect(driver.loop.poll(budget: 1) == 1)
    #expect(driver.loop.poll() == 64)
    #expect(driver.loop.poll() == 0)
    #expect(driver.tally[.received] == 70)
    #expect(driver.tally[.bursts] == 3)
    bench.expectAllHome()
  }

  @Test func aLoopWithoutAProgramPassesEverything() throws {
    let bench = try Bench()
    bench.datapath.setPassPort(bench.port)
    let driver = try Driver(nil, on: bench.port, in: bench.datapath)
    try bench.put(10)
    driver.drain()
    #expect(driver.tally[.pass] == 10)
    #expect(bench.takeSentMarks() == Array(0..<10))
    bench.expectAllHome()
  }

  @Test func aPacketThatTheProgramForgetsIsAborted() throws {
    let bench = try Bench()
    let driver = try bench.run(Forgetful(), packets: 128)
    #expect(driver.tally[DropReason.programDrop] == 64)
    #expect(driver.tally[.aborted] == 64)
    bench.expectAllHome()
  }

  @Test func anUnknownVerdictIsWarnedAboutOnce() throws {
    let warnings = Mutex<[String]>([])
    let bench = try Bench { text in warnings.withLock { $0.append(text) } }
    let driver = try bench.run(Scripted([Verdict(rawValue: 7)]), packets: 130)
    #expect(driver.tally[DropReason.badVerdict] == 130)
    let told = warnings.withLock { $0 }
    #expect(told.count == 1)
    #expect(told.first?.contains("answered 7") == true)
    bench.expectAllHome()
  }

  @Test func whatIsPassedLeavesByThePassPort() throws {
    let bench = try Bench()
    bench.datapath.setPassPort(bench.port)
    let driver = try bench.run(Scripted([.pass]), packets: 100)
    #expect(driver.tally[.pass] == 100)
    #expect(bench.takeSentMarks() == Array(0..<100))
    bench.expectAllHome()
  }

  @Test func aFullPassPortLeavesTheRestToBeCounted() throws {
    let bench = try Bench()
    let narrow = try MemoryPort(name: "narrow", registry: bench.registry, capacity: 10)
    bench.datapath.setPassPort(narrow)
    let driver = try bench.run(Scripted([.pass]), packets: 64)
    #expect(driver.tally[.pass] == 10)
    #expect(driver.tally[DropReason.passFull] == 54)
    narrow.close()
    bench.expectAllHome()
  }

  @Test func aFullPortCountsWhatItRefusesToSendBack() throws {
    let bench = try Bench(portCapacity: 64)
    let driver = try bench.run(Scripted([.transmit]), packets: 50)
    try bench.put(40)
    driver.drain()
    #expect(driver.tally[.transmit] == 64)
    #expect(driver.tally[.transmitErrors] == 26)
    #expect(driver.tally[DropReason.transmitFull] == 26)
    #expect(bench.takeSentMarks().count == 64)
    bench.expectAllHome()
  }

  @Test(arguments: [
    (Verdict.aborted, Tally.Item.aborted), (.pass, .pass), (.transmit, .transmit),
  ])
  func aMissingKeyGetsTheVerdictItAskedFor(miss: Verdict, item: Tally.Item) throws {
    let bench = try Bench()
    bench.datapath.setPassPort(bench.port)
    for map in [Datapath.cpuMapNumber, Datapath.devMapNumber] {
      for key: UInt32 in [9, .max] {
        let target = RedirectTarget(map: map, key: key, onMiss: miss)
        let driver = try bench.run(Scripted([.redirect], target: target), packets: 70)
        #expect(driver.tally[item] == 70)
      }
    }
    _ = bench.takeSentMarks()
    bench.expectAllHome()
  }

  @Test func aMissingMapOrADropOnMissIsNoEntry() throws {
    let bench = try Bench()
    for target in [
      RedirectTarget(map: 60, key: 0, onMiss: .pass),
      RedirectTarget(map: 0, key: 0, onMiss: .transmit),
      RedirectTarget(map: .max, key: 0, onMiss: .aborted),
      RedirectTarget(map: Datapath.devMapNumber, key: 0, onMiss: .drop),
    ] {
      let driver = try bench.run(Scripted([.redirect], target: target), packets: 65)
      #expect(driver.tally[DropReason.noEntry] == 65)
    }
    bench.expectAllHome()
  }

  @Test func aPacketWithoutRoomForAFrameEndsUnlessItIsDropped() throws {
    let bench = try Bench()
    let program = Scripted([.drop, .pass, .transmit, .redirect])
    let tight = TightPort(bench)
    let driver = try Driver(program, on: tight, in: bench.datapath)
    #expect(driver.loop.poll() == 4)
    expectBalance(driver.tally)
    #expect(driver.tally[DropReason.programDrop] == 1)
    #expect(driver.tally[DropReason.tailroom] == 3)
    bench.expectAllHome()
  }

  @Test func eachFrameKeepsTheReasonItEndedWith() throws {
    let bench = try Bench()
    let program = Scripted(
      [.drop, .aborted, Verdict(rawValue: 5), .pass, .redirect],
      target: RedirectTarget(map: 60, key: 0))
    let driver = try Driver(program, on: bench.port, in: bench.datapath)
    let frames = try (0..<5).map { try bench.packet(UInt32($0)).take() }
    for frame in frames { bench.put(Frame(owning: frame)) }
    driver.drain()
    // A buffer that is home tells until it is used again what became of it.
    let reasons = frames.map { DropReason(rawValue: $0.reason) }
    #expect(reasons == [.programDrop, .programAborted, .badVerdict, .passUnconfigured, .noEntry])
    bench.expectAllHome()
  }
}

/// Gives the first packet of each pair a verdict only.
private final class Forgetful: Program {
  func run(_ burst: inout Burst) {
    for position in 0..<burst.count where position % 2 == 0 { burst.set(.drop, at: position) }
  }
}

/// Brings four packets with less headroom than a frame needs.
private final class TightPort: Port, @unchecked Sendable {
  // Safe: one thread receives.
  private let bench: Bench
  let name = "tight"
  let number: UInt32
  let queueCount = 1
  let status = PortStatus(kind: "memory", largestPacket: 64, sendsFragments: false)

  init(_ bench: Bench) {
    self.bench = bench
    number = bench.registry.takePortNumber()
  }

  func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    for _ in 0..<4 {
      guard let storage = bench.pool.allocate() else { return }
      let headroom = Limits.frameHeader - 1
      burst.append(
        owning: storage.take(), queue: bench.queueInfo, headroom: headroom, byteCount: 64)
    }
  }

  func transmit(_ frames: inout FrameBulk) -> Int { 0 }
  func pollDescriptor(queue: Int) -> Int32? { nil }
  func maintain(queue: Int) {}
}
