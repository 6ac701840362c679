// SPDX-License-Identifier: Apache-2.0

import Datapath
import MemModels
import Ports
import Synchronization
import Testing
import XDPFrame

@Suite struct BroadcastTests {
  private let everywhere = RedirectTarget(
    everyEntryOf: Datapath.devMapNumber, excludingIngress: false)
  private let elsewhere = RedirectTarget(everyEntryOf: Datapath.devMapNumber)

  /// A bench whose device map leads to the port itself and to some others, and that has memory for copies.
  private struct Hub {
    let bench: Bench
    let copies: PagePool
    let others: [RecordingPort]

    init(others count: Int, copies pageCount: Int = 256) throws {
      bench = try Bench()
      copies = try PagePool(registry: bench.registry, pageCount: pageCount)
      copies.disown()
      bench.datapath.setCopyModel(copies)
      try bench.datapath.devMap.update(1, bench.port)
      others = (0..<count).map { [bench] in RecordingPort("p\($0)", registry: bench.registry) }
      for (position, port) in others.enumerated() {
        bench.datapath.add(port)
        try bench.datapath.devMap.update(UInt32(2 * position), port)
      }
    }

    func run(_ target: RedirectTarget, packets: Int) throws -> Tally {
      try bench.run(Scripted([.redirect], target: target), packets: packets).tally
    }

    func expectAllHome() {
      bench.expectAllHome()
      expectHome(copies)
    }
  }

  @Test func everyPortGetsEveryPacketInOrder() throws {
    let hub = try Hub(others: 3)
    let tally = try hub.run(everywhere, packets: 40)
    #expect(tally[.redirect] == 40)
    #expect(tally.dropped == 0)
    for port in hub.others {
      #expect(port.marks == Array(0..<40))
      #expect(port.bulkCounts == [16, 16, 8])
    }
    #expect(hub.bench.takeSentMarks() == Array(0..<40))
    let reports = hub.bench.datapath.snapshot().ports
    #expect(reports.map(\.redirectedIn) == [40, 40, 40, 40])
    hub.expectAllHome()
  }

  @Test func thePortThatAPacketCameByGetsNoneIfItIsExcluded() throws {
    let hub = try Hub(others: 2)
    let tally = try hub.run(elsewhere, packets: 40)
    #expect(tally[.redirect] == 40)
    for port in hub.others { #expect(port.marks == Array(0..<40)) }
    #expect(hub.bench.takeSentMarks().isEmpty)
    hub.expectAllHome()
  }

  @Test func aPortWithTwoEntriesGetsTwoOfEach() throws {
    let hub = try Hub(others: 1)
    try hub.bench.datapath.devMap.update(9, hub.others[0])
    _ = try hub.run(elsewhere, packets: 5)
    #expect(hub.others[0].marks == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    hub.expectAllHome()
  }

  /// The kernel sends it home and says nothing; here it can be found.
  @Test func aPacketThatNoEntryIsForIsCounted() throws {
    let hub = try Hub(others: 0)
    let alone = try hub.run(elsewhere, packets: 10)
    #expect(alone[DropReason.noEntry] == 10)
    try hub.bench.datapath.devMap.remove(1)
    let empty = try hub.run(everywhere, packets: 10)
    #expect(empty[DropReason.noEntry] == 10)
    hub.expectAllHome()
  }

  @Test func packetsToOnePortAndToAllKeepTheirOrder() throws {
    let hub = try Hub(others: 2)
    let program = OneOrAll(key: 2, all: elsewhere)
    let driver = try hub.bench.run(program, packets: 50)
    #expect(driver.tally[.redirect] == 50)
    #expect(hub.others[0].marks == stride(from: 0, to: 50, by: 3).map { $0 })
    #expect(hub.others[1].marks == Array(0..<50))
    hub.expectAllHome()
  }

  @Test func packetsWithFragmentsCannotBeCopied() throws {
    let hub = try Hub(others: 2)
    let driver = try Driver(
      Scripted([.redirect], target: elsewhere), on: hub.bench.port, in: hub.bench.datapath)
    hub.bench.put(try hub.bench.packet(1, fragmentCount: 2))
    driver.drain()
    expectBalance(driver.tally)
    #expect(driver.tally[DropReason.redirectNoFragments] == 1)
    for port in hub.others { #expect(port.marks.isEmpty) }
    hub.expectAllHome()
  }

  /// The entries before have their copies by then, as in the kernel.
  @Test func aPacketForWhoseCopyThereIsNoMemoryEndsThere() throws {
    let hub = try Hub(others: 3, copies: 20)
    for port in hub.others { port.state.withLock { $0.room = 0 } }
    // Copies that nobody sends come home at the end of the burst only, so 20 of them make ten packets for three.
    let tally = try hub.run(elsewhere, packets: 15)
    #expect(tally[.redirect] == 10)
    #expect(tally[DropReason.poolEmpty] == 5)
    hub.expectAllHome()
  }

  @Test func withoutMemoryForCopiesItIsWarnedAboutOnce() throws {
    let warnings = Mutex<[String]>([])
    let bench = try Bench { text in warnings.withLock { $0.append(text) } }
    let other = RecordingPort("other", registry: bench.registry)
    try bench.datapath.devMap.update(0, other)
    // The one port there is gets the packet itself.
    let single = try bench.run(Scripted([.redirect], target: everywhere), packets: 3).tally
    #expect(single[.redirect] == 3)
    try bench.datapath.devMap.update(1, bench.port)
    let tally = try bench.run(Scripted([.redirect], target: everywhere), packets: 70).tally
    #expect(tally[DropReason.poolEmpty] == 70)
    #expect(other.marks == [0, 1, 2])
    #expect(warnings.withLock { $0.count } == 1)
    bench.expectAllHome()
  }

  @Test func whatAPortRefusesIsInItsBooks() throws {
    let hub = try Hub(others: 2)
    hub.others[0].state.withLock { $0.room = 7 }
    let tally = try hub.run(elsewhere, packets: 64)
    #expect(tally[.redirect] == 64)
    #expect(tally.dropped == 0)
    let report = try #require(hub.bench.datapath.snapshot().ports.first { $0.name == "p0" })
    #expect(report.redirectedIn == 7)
    #expect(report.redirectedInErrors == 57)
    #expect(hub.others[1].marks == Array(0..<64))
    hub.expectAllHome()
  }

  @Test func morePortsThanLanesGetEveryPacket() throws {
    let hub = try Hub(others: 60, copies: 1_024)
    let tally = try hub.run(elsewhere, packets: 10)
    #expect(tally[.redirect] == 10)
    for port in hub.others { #expect(port.marks == Array(0..<10)) }
    hub.expectAllHome()
  }
}

/// Sends every third packet everywhere, and the others to one key.
private final class OneOrAll: PacketProgram {
  private let one: RedirectTarget
  private let all: RedirectTarget

  init(key: UInt32, all: RedirectTarget) {
    one = RedirectTarget(map: all.map, key: key)
    self.all = all
  }

  func run(_ packet: inout Buff) -> Verdict {
    let mark = unsafe packet.data.load(as: UInt32.self)
    return packet.redirect(to: mark % 3 == 0 ? all : one)
  }
}
