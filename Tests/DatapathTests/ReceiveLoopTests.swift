// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import MemModels
import Ports
import Synchronization
import Testing
import XDPFrame

@Suite struct ReceiveLoopTests {
  private func run(_ program: any Program, packets: Int, bench: Bench) throws -> Tally {
    let block = try bench.registry.arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
    let tally = unsafe Tally(memory: block.address)
    let slot = ProgramSlot(program, named: "test", in: bench.datapath.quiescence)
    let loop = ReceiveLoop(
      port: bench.port, queue: 0, program: slot, tally: tally, in: bench.datapath)
    try bench.put(packets)
    var polls = 0
    while loop.poll() > 0 { polls += 1 }
    #expect(polls == (packets + 63) / 64)
    expectBalance(tally)
    kept = block
    return tally
  }

  /// Keeps the counters readable after the loop is gone.
  nonisolated(unsafe) private static var blocks: [TrustedBlock] = []
  private var kept: TrustedBlock {
    get { unsafe Self.blocks[0] }
    nonmutating set { unsafe Self.blocks.append(newValue) }
  }

  @Test func everyVerdictEndsAPacketWhereItSays() throws {
    let bench = try Bench()
    let verdicts: [Verdict] = [
      .drop, .pass, .transmit, .redirect, .aborted, Verdict(rawValue: 5), Verdict(rawValue: .max),
    ]
    let tally = try run(Scripted(verdicts), packets: 700, bench: bench)
    #expect(tally[.received] == 700)
    #expect(tally[DropReason.programDrop] == 100)
    #expect(tally[DropReason.passUnconfigured] == 100)
    #expect(tally[.transmit] == 100)
    #expect(tally[.aborted] == 200)
    #expect(tally[DropReason.badVerdict] == 200)
    let expected = stride(from: UInt32(2), to: 700, by: 7).map { $0 }
    #expect(bench.takeSentMarks() == expected)
    bench.expectAllHome()
  }

  @Test func anUnknownVerdictIsWarnedAboutOnce() throws {
    let warnings = Mutex<[String]>([])
    let bench = try Bench { text in warnings.withLock { $0.append(text) } }
    let tally = try run(Scripted([Verdict(rawValue: 7)]), packets: 130, bench: bench)
    #expect(tally[DropReason.badVerdict] == 130)
    let told = warnings.withLock { $0 }
    #expect(told.count == 1)
    #expect(told.first?.contains("answered 7") == true)
    bench.expectAllHome()
  }

  @Test func whatIsPassedLeavesByThePassPort() throws {
    let bench = try Bench()
    bench.datapath.setPassPort(bench.port)
    let tally = try run(Scripted([.pass]), packets: 100, bench: bench)
    #expect(tally[.pass] == 100)
    #expect(bench.takeSentMarks() == Array(0..<100))
    bench.expectAllHome()
  }

  @Test func aFullPortLeavesTheRestToBeCounted() throws {
    let bench = try Bench()
    let narrow = try MemoryPort(name: "narrow", registry: bench.registry, capacity: 10)
    bench.datapath.setPassPort(narrow)
    let tally = try run(Scripted([.pass]), packets: 64, bench: bench)
    #expect(tally[.pass] == 10)
    #expect(tally[DropReason.passFull] == 54)
    narrow.close()
    bench.expectAllHome()
  }

  @Test(arguments: [
    (Verdict.aborted, Tally.Item.aborted), (.pass, .pass), (.transmit, .transmit),
  ])
  func aMissingKeyGetsTheVerdictItAskedFor(miss: Verdict, item: Tally.Item) throws {
    let bench = try Bench()
    bench.datapath.setPassPort(bench.port)
    let target = RedirectTarget(map: Datapath.cpuMapNumber, key: 9, onMiss: miss)
    let tally = try run(Scripted([.redirect], target: target), packets: 70, bench: bench)
    #expect(tally[item] == 70)
    _ = bench.takeSentMarks()
    bench.expectAllHome()
  }

  @Test func aMissingMapOrADropOnMissIsNoEntry() throws {
    let bench = try Bench()
    for target in [
      RedirectTarget(map: 60, key: 0, onMiss: .pass),
      RedirectTarget(map: Datapath.devMapNumber, key: 0, onMiss: .drop),
    ] {
      let tally = try run(Scripted([.redirect], target: target), packets: 65, bench: bench)
      #expect(tally[DropReason.noEntry] == 65)
    }
    bench.expectAllHome()
  }

  @Test func aDevMapSendsInOrderAndRefusesWhatThePortCannotSend() throws {
    let bench = try Bench()
    let small = try MemoryPort(
      name: "small", registry: bench.registry, mtu: 46, sendsFragments: false)
    try bench.datapath.devMap.update(3, small)
    let target = RedirectTarget(map: Datapath.devMapNumber, key: 3)
    _ = bench.port.put(try bench.packet(1_000, byteCount: 61))
    let tally = try run(Scripted([.redirect], target: target), packets: 100, bench: bench)
    #expect(tally[.redirect] == 0)
    #expect(tally[DropReason.redirectMTU] == 101)
    let wide = try MemoryPort(name: "wide", registry: bench.registry)
    try bench.datapath.devMap.update(3, wide)
    let second = try run(Scripted([.redirect], target: target), packets: 100, bench: bench)
    #expect(second[.redirect] == 100)
    var marks: [UInt32] = []
    while let frame = wide.takeSent() {
      marks.append(unsafe frame.descriptor.data.load(as: UInt32.self))
      frame.recycle(.shutdown)
    }
    #expect(marks == Array(0..<100))
    bench.expectAllHome()
  }
}
