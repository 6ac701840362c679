// SPDX-License-Identifier: Apache-2.0

import Control
import Testing
import Wire
import XDPFrame

@testable import cpumapd

/// A configuration over a capture: each packet's way is what the ledger says, and the same every time.
@Suite struct ReplayTests {
  private let steering = """
    version: 1
    memory: {model: xsk, frames: 8192}
    ports:
      - {name: wan, kind: afxdp, device: eth7, queues: [0, 1], mtu: 9000}
      - {name: lan, kind: memory}
    programs:
      count: {kind: swift, type: Count, args: {verdict: drop}}
      reflect: {kind: swift, type: Reflect}
    entries:
      - {name: w1, cpu: 61, program: count}
      - {name: w2, cpu: 62, program: reflect}
      - {name: w3, cpu: 63}
    on: {pass: lan}
    """

  @Test func theWayOfEveryPacketIsRecorded() throws {
    var capture = Capture()
    let packets = (0..<60).map { flowPacket($0, byteCount: [60, 1_500, 9_000][$0 % 3]) }
    for packet in packets { capture.add(packet) }
    let replayed = try replay(capture.octets, steering)
    #expect(replayed.error == nil)
    let received = replayed.recording.received
    #expect(received.map(\.octets) == packets)
    #expect(received.map(\.packetID) == (1...60).map { UInt64($0) })
    #expect(received.map(\.time) == (1...60).map { 1_000_000_000_000 + $0 * 1_000_000 })
    #expect(received.allSatisfy { $0.interface == "wan" })
    var seen: Set<String> = []
    for record in received {
      let flow = "flow=\(hex(record.octets)); port=wan program=steer verdict=redirect; "
      let sent = replayed.recording.sent.filter { $0.packetID == record.packetID }
      #expect(record.comment.hasPrefix(flow))
      switch record.comment.dropFirst(flow.count) {
      case "entry=w1 program=count verdict=drop reason=prog_drop":
        #expect(record.verdicts == [4, 1])
        #expect(sent.isEmpty)
        seen.insert("w1")
      case "entry=w2 program=reflect verdict=tx out=wan":
        #expect(record.verdicts == [4, 3])
        // The two addresses are exchanged.
        let swapped = record.octets[6..<12] + record.octets[0..<6] + record.octets[12...]
        #expect(sent.map(\.octets) == [Array(swapped)])
        #expect(sent.map(\.interface) == ["wan"])
        #expect(sent.map(\.time) == [record.time])
        #expect(sent.map(\.comment) == ["entry=w2 program=reflect verdict=tx out=wan"])
        seen.insert("w2")
      case "entry=w3 verdict=pass out=lan":
        #expect(record.verdicts == [4, 2])
        #expect(sent.map(\.octets) == [record.octets])
        #expect(sent.map(\.interface) == ["lan"])
        seen.insert("w3")
      case let other: Issue.record("\(other)")
      }
    }
    #expect(seen == ["w1", "w2", "w3"])
    // Records stand in the order of the packets, each in front of what left.
    #expect(replayed.recording.records.map { $0.packetID ?? 0 }.isSorted)
  }

  @Test func theLedgerSaysWhatTheRecordsSay() throws {
    var capture = Capture()
    for flow in 0..<100 { capture.add(flowPacket(flow)) }
    let replayed = try replay(capture.octets, steering)
    let report = replayed.books.report
    #expect(replayed.books.violations == [])
    #expect(report.unaccounted == 0)
    #expect(report.mode == .memory)
    #expect(report.seconds == 0.099)
    #expect(report.ports.map(\.kind) == ["afxdp", "memory"])
    #expect(report.ports[0].rx == 100)
    #expect(report.ports[0].redirect == 100)
    #expect(report.entries.map(\.cpu) == [61, 62, 63])
    func count(_ text: String) -> UInt64 {
      UInt64(replayed.recording.received.count { $0.comment.contains(text) })
    }
    #expect(report.entries[0].drop["prog_drop"] == count("reason=prog_drop"))
    #expect(report.entries[1].tx == count("verdict=tx"))
    #expect(report.entries[2].pass == count("verdict=pass"))
    #expect(report.ports[0].tx == count("out=wan"))
    #expect(report.ports[1].tx == count("out=lan"))
    #expect(report.pools.map { $0[.free] } == report.pools.map(\.capacity))
    #expect(replayed.recording.statistics.map(\.received) == [100, 0])
  }

  @Test func theSameInputGivesTheSameOctets() throws {
    var capture = Capture()
    for flow in 0..<200 { capture.add(flowPacket(flow, byteCount: 60 + flow * 40)) }
    let first = try replay(capture.octets, steering)
    let second = try replay(capture.octets, steering)
    #expect(first.output == second.output)
    #expect("\(first.books.report.json)" == "\(second.books.report.json)")
    // A record replayed gives that record: each packet of it once.
    let third = try replay(first.output, steering)
    #expect(third.output == first.output)
    #expect(third.books.departureCount == UInt64(first.recording.sent.count))
    #expect(third.books.report.entries == first.books.report.entries)
  }

  @Test func aPacketComesInByThePortOfItsInterface() throws {
    let configuration = """
      version: 1
      ports:
        - {name: a, kind: memory, program: drop}
        - {name: b, kind: generator, program: reflect}
        - {name: c, kind: pcap, in: /no/file, program: pass}
      programs:
        drop: {kind: swift, type: Drop}
        reflect: {kind: swift, type: Reflect}
        pass: {kind: swift, type: Pass}
      """
    var capture = Capture(interfaces: ["eth0", "b", "a"])
    for interface in 0..<3 { capture.add(flowPacket(interface), interface: UInt32(interface)) }
    let replayed = try replay(capture.octets, configuration, port: 2)
    #expect(
      replayed.recording.received.map(\.comment) == [
        "port=c program=pass verdict=pass reason=pass_unconfigured",
        "port=b program=reflect verdict=tx out=b",
        "port=a program=drop verdict=drop reason=prog_drop",
      ])
    #expect(replayed.books.report.ports.map(\.rx) == [1, 1, 1])
    #expect(replayed.books.report.ports.map(\.xdpTx) == [0, 1, 0])
  }

  @Test func whatNoPortCanReceiveIsCountedAndRecorded() throws {
    var capture = Capture()
    for count in [13, 0, 73_152, 73_153, 9_100] {
      capture.add([UInt8](repeating: 1, count: count))
    }
    capture.add(flowPacket(1), original: 1_000)
    let replayed = try replay(capture.octets, steering)
    let comments = replayed.recording.received.map(\.comment)
    #expect(
      comments.map { $0.contains("port=wan reason=truncated") }.prefix(3) == [true, true, false])
    #expect(comments[3].hasSuffix("port=wan reason=too_many_frags"))
    #expect(replayed.recording.received.map(\.originalByteCount).last == 1_000)
    #expect(replayed.recording.received[3].verdicts == [])
    #expect(replayed.books.report.ports[0].rx == 6)
    #expect(replayed.books.report.ports[0].drop["truncated"] == 2)
    #expect(replayed.books.cutCount == 1)
    #expect(replayed.books.longCount == 3)
    #expect(replayed.books.violations == [])
  }

  @Test func aFrameThatIsTooLongForItsPortIsRefusedAndSaysSo() throws {
    let configuration = """
      version: 1
      ports: [{name: wan, kind: afxdp, device: eth7, mtu: 1500, program: reflect}]
      programs: {reflect: {kind: swift, type: Reflect}}
      """
    var capture = Capture()
    for count in [1_514, 1_518, 1_519] { capture.add(flowPacket(1, byteCount: count)) }
    let replayed = try replay(capture.octets, configuration)
    #expect(
      replayed.recording.received.map(\.comment) == [
        "port=wan program=reflect verdict=tx out=wan",
        "port=wan program=reflect verdict=tx out=wan",
        "port=wan program=reflect verdict=tx reason=mtu",
      ])
    #expect(replayed.books.longCount == 1)
  }

  @Test func splitHeadersGoOutWhole() throws {
    let configuration = """
      version: 1
      ports: [{name: m, kind: memory, receive: header-split, program: reflect}]
      programs: {reflect: {kind: swift, type: Reflect}}
      """
    var capture = Capture()
    let packet = flowPacket(3, byteCount: 9_000)
    capture.add(packet)
    let replayed = try replay(capture.octets, configuration)
    #expect(
      replayed.recording.sent.map(\.octets) == [
        Array(packet[6..<12] + packet[0..<6] + packet[12...])
      ])
  }

  @Test func aDamagedCaptureIsReplayedAsFarAsItGoes() throws {
    var capture = Capture()
    for flow in 0..<9 { capture.add(flowPacket(flow)) }
    let replayed = try replay(Array(capture.octets.dropLast(5)), steering)
    #expect(replayed.error?.status == .badInput)
    #expect(replayed.error?.description.contains("the file ends here") == true)
    #expect(replayed.books.packetCount == 8)
    #expect(!replayed.books.isComplete)
    #expect(replayed.books.violations == [])
    #expect(replayed.recording.received.count == 8)
    #expect(replayed.recording.statistics.map(\.received) == [8, 0])
  }

  @Test func aFullDiskEndsTheReplay() throws {
    var capture = Capture()
    for flow in 0..<2_000 { capture.add(flowPacket(flow, byteCount: 1_000)) }
    let folder = try Folder()
    try folder.write(capture.octets, to: "in")
    let session = try ReplaySession(
      configuration(steering), input: "\(folder.path)/in", output: "/dev/full", port: 0
    ) { _ in }
    let error = #expect(throws: ReplayError.self) { try session.run { _ in } }
    #expect(error?.status == .cannotWrite)
    #expect(error?.description == "write /dev/full: ENOSPC (No space left on device)")
    let books = session.close()
    #expect(books.packetCount < 2_000)
    #expect(books.violations == [])
  }

  @Test func everyReasonHasTheVerdictThatLeadsToIt() {
    for reason in DropReason.allCases {
      for isTransmit in [false, true] {
        let verdict = ReplayFate.verdict(droppedFor: reason, isTransmit: isTransmit)
        let name = reason.name
        if name.hasPrefix("redirect_") { #expect(verdict == .redirect) }
        if name.hasPrefix("tx_") { #expect(verdict == .transmit) }
        if name.hasPrefix("pass_") { #expect(verdict == .pass) }
        if name.hasPrefix("prog_") { #expect(verdict == (name == "prog_drop" ? .drop : .aborted)) }
        if name == "mtu" { #expect(verdict == (isTransmit ? .transmit : .pass)) }
        if name == "bad_verdict" { #expect(verdict == nil) }
      }
    }
  }

  private struct Replayed {
    var books: ReplayBooks
    var output: [UInt8]
    var recording: Recording
    var error: ReplayError?
  }

  private func configuration(_ text: String) throws -> Configuration {
    try Configuration.parse(text, fileName: "f.yaml", machine: nil).configuration
  }

  private func replay(
    _ capture: [UInt8], _ text: String, port: Int = 0
  ) throws -> Replayed {
    let folder = try Folder()
    try folder.write(capture, to: "in")
    let session = try ReplaySession(
      configuration(text), input: "\(folder.path)/in", output: "\(folder.path)/out", port: port
    ) { Issue.record("\($0)") }
    var error: ReplayError?
    do throws(ReplayError) {
      try session.run { _ in }
    } catch let caught {
      error = caught
    }
    let books = session.close()
    let output = try folder.read("out")
    return Replayed(
      books: books, output: output, recording: try Recording(output), error: error)
  }

  private func hex(_ packet: [UInt8]) -> String {
    let digits = String(FlowHash.symmetric(unsafe packet.span.bytes), radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

extension [UInt64] {
  fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { $0 <= $1 } }
}
