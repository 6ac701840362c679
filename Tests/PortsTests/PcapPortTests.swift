// SPDX-License-Identifier: Apache-2.0

import MemModels
import Syscalls
import Testing
import Wire
import XDPFrame

@testable import Ports

/// Packets out of files, into files, and what happens when a file or a disk is not as it should be.
@Suite struct PcapPortTests {
  private let lengths = [60, 14, 3_520, 3_521, 9_000, 1_500]
  private var packets: [[UInt8]] {
    lengths.enumerated().map { number, count in
      (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + number) }
    }
  }

  @Test func whatStandsInAFileIsReceivedAndWhatIsSentIsWritten() throws {
    let folder = try CaptureFolder()
    let fixture = try MemoryFixture()
    let port = try PcapPort(
      name: "file", registry: fixture.registry, model: fixture.pool,
      input: .init(path: try folder.write(capture(packets))), output: folder.file("out.pcapng"))
    #expect(!port.isFinished)
    #expect(port.pollDescriptor(queue: 0) == nil)
    #expect(fixture.carry(from: port, to: port, budget: 4) == 4)
    #expect(fixture.carry(from: port, to: port) == 2)
    #expect(fixture.carry(from: port, to: port) == 0)
    #expect(port.isFinished)
    #expect(port.pollDescriptor(queue: 0) != nil)
    #expect(port.status.state == .up)
    port.close()
    #expect(port.status.sent == 6)
    #expect(port.status.sendErrors == 0)
    let written = try Captured(folder.read("out.pcapng"))
    #expect(written.packets == packets)
    #expect(written.directions.allSatisfy { $0 == .sent })
    #expect(written.names == ["file"])
    #expect(written.statistics.map(\.received) == [6])
    #expect(written.statistics.map(\.dropped) == [0])
    #expect(fixture.isWhole)
  }

  @Test(arguments: ReceiveMode.allCases)
  func aPacketIsLaidOutAsThePortIsTold(mode: ReceiveMode) throws {
    let folder = try CaptureFolder()
    let fixture = try MemoryFixture()
    let port = try PcapPort(
      name: "file", registry: fixture.registry, model: fixture.pool,
      input: .init(path: try folder.write(capture(packets)), mode: mode), output: nil)
    let received = fixture.receive(port)
    let fitting = packets.filter { $0.count <= fixture.pool.linearByteCount }
    #expect(received == (mode == .linear ? fitting : packets))
    #expect(fixture.tally[DropReason.mtu] == (mode == .linear ? 2 : 0))
    #expect(fixture.tally[.received] == fixture.tally.dropped)
    #expect(fixture.isWhole)
  }

  @Test func whatNoPacketCanBeIsDroppedAndCounted() throws {
    let folder = try CaptureFolder()
    let fixture = try MemoryFixture()
    let odd = [13, 0, 73_152, 73_153, 60].map { [UInt8](repeating: 9, count: $0) }
    let port = try PcapPort(
      name: "file", registry: fixture.registry, model: fixture.pool,
      input: .init(path: try folder.write(capture(odd))), output: nil)
    #expect(fixture.receive(port).map(\.count) == [73_152, 60])
    #expect(fixture.tally[DropReason.truncated] == 2)
    #expect(fixture.tally[DropReason.tooManyFragments] == 1)
    #expect(fixture.tally[.received] == 3)
    #expect(fixture.isWhole)
  }

  @Test func aPacketWithoutABufferWaitsInTheFile() throws {
    let folder = try CaptureFolder()
    let fixture = try MemoryFixture(pages: 4)
    let port = try PcapPort(
      name: "file", registry: fixture.registry, model: fixture.pool,
      input: .init(path: try folder.write(capture(packets + packets))), output: nil)
    var received: [[UInt8]] = []
    for _ in 0..<20 where !port.isFinished { received += fixture.receive(port) }
    #expect(received == packets + packets)
    #expect(fixture.tally.dropped == 0)
    #expect(fixture.isWhole)
  }

  @Test func aFileIsPlayedAsOftenAsWantedAndEachPacketOfItOnce() throws {
    let folder = try CaptureFolder()
    let fixture = try MemoryFixture()
    // A packet that came in and left again has two records.
    let file =
      capture([packets[0]], packetID: 7)
      + capture([packets[1]], packetID: 7, direction: .sent)
    let port = try PcapPort(
      name: "file", registry: fixture.registry, model: fixture.pool,
      input: .init(path: try folder.write(file), playCount: 3), output: nil)
    #expect(fixture.receive(port, budget: 2).count == 2)
    #expect(fixture.receive(port) == [packets[0]])
    #expect(fixture.receive(port).isEmpty)
    #expect(port.isFinished)
    let empty = try PcapPort(
      name: "empty", registry: fixture.registry, model: fixture.pool,
      input: .init(path: try folder.write(capture([])), playCount: .max), output: nil)
    #expect(fixture.receive(empty).isEmpty)
    #expect(empty.isFinished)
  }

  @Test func aFileThatBreaksOffGivesWhatIsCompleteAndSaysWhere() throws {
    let folder = try CaptureFolder()
    let fixture = try MemoryFixture()
    let octets = capture(packets)
    let port = try PcapPort(
      name: "file", registry: fixture.registry, model: fixture.pool,
      input: .init(path: try folder.write(Array(octets.dropLast(9)))), output: nil)
    #expect(fixture.receive(port) == Array(packets.dropLast()))
    #expect(port.status.state == .down)
    #expect(
      port.status.reason
        == "\(folder.file("in.pcap")): offset \(octets.count - 1_532): the file ends here: "
        + "1532 octets are needed and 1523 are left")
    #expect(port.isFinished)
    #expect(fixture.isWhole)
  }

  @Test func filesThatCannotBeOpenedAreNamed() throws {
    let fixture = try MemoryFixture()
    let missing = #expect(throws: PortError.self) {
      _ = try PcapPort(
        name: "file", registry: fixture.registry, model: fixture.pool,
        input: .init(path: "/no/in.pcap"), output: nil)
    }
    #expect(missing?.description.contains("/no/in.pcap") == true)
    let folder = #expect(throws: PortError.self) {
      _ = try PcapPort(
        name: "file", registry: fixture.registry, model: fixture.pool, input: nil,
        output: "/no/out.pcapng")
    }
    #expect(folder?.description.contains("/no/out.pcapng") == true)
  }

  @Test func aPipeIsNotPlayedBecauseItWouldKeepTheLoopWaiting() throws {
    let fixture = try MemoryFixture()
    let pipe = try Pipe()
    let refused = #expect(throws: PortError.self) {
      _ = try PcapPort(
        name: "file", registry: fixture.registry, model: fixture.pool,
        input: .init(path: "/proc/self/fd/\(pipe.reader.raw)"), output: nil)
    }
    #expect(refused?.description.contains("ESPIPE") == true)
  }

  @Test func aPortWithoutAnOutputRefuses() throws {
    let fixture = try MemoryFixture()
    let port = try PcapPort(
      name: "none", registry: fixture.registry, model: fixture.pool, input: nil, output: nil)
    #expect(port.isFinished)
    var bulk = try fixture.bulk(2)
    #expect(port.transmit(&bulk) == 0)
    #expect(unsafe bulk.descriptors[1].reason == DropReason.redirectNoPort.rawValue)
    bulk.recycle()
    #expect(port.status.sendErrors == 2)
    #expect(fixture.isWhole)
  }

  @Test func packetsAreDueAsLongAfterTheFirstAsTheirTimesSay() {
    var clock = PlayClock()
    let checks: [(stamp: UInt64, now: UInt64, isDue: Bool)] = [
      (500, 7_000, true), (600, 7_099, false), (600, 7_100, true), (400, 7_100, true),
      (.max, .max, false),
    ]
    for check in checks {
      #expect(clock.isDue(check.stamp, now: check.now) == check.isDue, "\(check)")
    }
  }
}
