// SPDX-License-Identifier: Apache-2.0

import Datapath
import Plugins
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

/// What every port that receives and transmits does alike, whatever stands behind it.
@Suite(.requiresNetworkNamespaces)
struct EveryPortTests {
  /// Gives the packets of a port verdicts in turn.
  final class InTurn: PacketProgram, @unchecked Sendable {
    // Safe: run by one thread.
    private var number = 0
    let verdicts: [Verdict]

    init(_ verdicts: [Verdict]) { self.verdicts = verdicts }

    func run(_ packet: inout Buff) -> Verdict {
      defer { number += 1 }
      packet.target = RedirectTarget(map: Datapath.devMapNumber, key: 7, onMiss: .drop)
      return verdicts[number % verdicts.count]
    }
  }

  @Test(arguments: PortKind.allCases, [60, 1_514, 9_014])
  func everyVerdictLeadsWhereItShould(kind: PortKind, byteCount: Int) throws {
    let verdicts: [Verdict] = [
      .pass, .drop, .transmit, .redirect, .aborted, Verdict(rawValue: 77),
    ]
    let bench = try PortBench(kind, program: InTurn(verdicts))
    let stack = try MemoryPort(name: "stack", registry: bench.registry)
    let other = try MemoryPort(name: "other", registry: bench.registry)
    bench.datapath.add(stack)
    bench.datapath.add(other)
    bench.datapath.setPassPort(stack)
    try bench.datapath.devMap.update(7, other)
    let packets = (0..<60).map { makeFrame($0, byteCount: byteCount) }
    func every(_ first: Int) -> [[UInt8]] { stride(from: first, to: 60, by: 6).map { packets[$0] } }
    for packet in packets { try bench.send(packet) }
    #expect(bench.poll(until: 60))
    #expect(takeSent(stack) == every(0))
    #expect(takeSent(other) == every(3))
    let back = try (0..<10).map { _ in try bench.receive() }
    #expect(back == every(2))
    #expect(bench.tally[DropReason.programDrop] == 10)
    #expect(bench.tally[DropReason.badVerdict] == 10)
    #expect(bench.tally[.aborted] == 10)
    for item in [Tally.Item.pass, .transmit, .redirect] { #expect(bench.tally[item] == 10) }
    bench.finish()
  }

  static let byteCounts =
    Array(14...80) + [
      1_500, 1_514, 3_519, 3_520, 3_521, 3_839, 3_840, 3_841, 4_095, 4_096, 4_097, 7_616, 7_617,
      7_680, 7_681, 8_191, 8_192, 9_000, 9_013, 9_014,
    ]

  @Test(arguments: PortKind.allCases)
  func everyLengthComesInAndGoesOutWhole(kind: PortKind) throws {
    let bench = try PortBench(kind, program: InTurn([.transmit]))
    for (number, byteCount) in EveryPortTests.byteCounts.enumerated() {
      let packet = makeFrame(number, byteCount: byteCount)
      try bench.send(packet)
      #expect(bench.poll(until: number + 1), "\(byteCount) octets")
      let isBack = try bench.receive() == packet
      #expect(isBack, "\(byteCount) octets")
    }
    bench.finish()
  }

  /// What is too long, and what has no header, stays behind with its reason; all others leave, in order.
  @Test(arguments: PortKind.allCases, [1_500, 9_000])
  func whatCannotBeSentHoldsUpNobody(kind: PortKind, mtu: Int) throws {
    let bench = try PortBench(kind, mtu: mtu, program: InTurn([.drop]))
    let longest = bench.port.status.largestPacket
    let byteCounts = [60, longest, longest + 1, 61, 3 * longest, longest - 1, longest + 4_096, 62]
    var bulk = FrameBulk()
    for (number, byteCount) in byteCounts.enumerated() {
      bulk.append(try bench.frame(makeFrame(number, byteCount: byteCount)))
    }
    #expect(bench.port.transmit(&bulk) == 5)
    #expect(bulk.count == 3)
    let reasons = (0..<3).map { unsafe DropReason(rawValue: bulk.descriptors[$0].reason) }
    #expect(reasons == [.mtu, .mtu, .mtu])
    bulk.recycle()
    for (number, byteCount) in byteCounts.enumerated() where byteCount <= longest {
      let isNext = try bench.receive() == makeFrame(number, byteCount: byteCount)
      #expect(isNext, "\(byteCount) octets")
    }
    #expect(bench.port.status.sent == 5)
    #expect(bench.port.status.sendErrors == 3)
    bench.finish()
  }

  /// The far end reads nothing: every frame is sent or refused, and once it reads again it hears of new ones.
  @Test(arguments: PortKind.allCases)
  func aFarEndThatDoesNotReadStallsNobody(kind: PortKind) throws {
    let bench = try PortBench(kind, program: InTurn([.drop]))
    var bulk = FrameBulk()
    var sent = 0
    let rounds = 100
    for round in 0..<rounds {
      for number in 0..<32 {
        bulk.append(try bench.frame(makeFrame(round &* 32 &+ number, byteCount: 1_514)))
      }
      sent += bench.port.transmit(&bulk)
      bulk.recycle()
      bench.port.maintain(queue: 0)
    }
    let status = bench.port.status
    #expect(Int(status.sent) == sent)
    #expect(status.sent + status.sendErrors == UInt64(32 * rounds))
    while try bench.receive(timeout: .milliseconds(50)) != nil {}
    let last = makeFrame(4_711, byteCount: 99)
    bulk.append(try bench.frame(last))
    #expect(bench.port.transmit(&bulk) == 1)
    let isThere = try bench.receive() == last
    #expect(isThere)
    bench.finish()
  }

  /// Whoever does not hand packets to a kernel that cuts them refuses those that are still to be cut.
  @Test(arguments: [PortKind.afxdp, .tap, .packet])
  func whatIsStillToBeCutLeavesOnlyToWhoCuts(kind: PortKind) throws {
    let bench = try PortBench(kind, program: InTurn([.drop]))
    let octets = PacketBuilder.octets(capacity: 3_100) {
      $0.ethernet()
      $0.ipv4(source: IPv4Address(192, 0, 2, 1), destination: IPv4Address(192, 0, 2, 2))
      $0.tcp(source: 1, destination: 9)
      $0.payload(byteCount: 3_000)
    }
    var packet = Buff(try bench.frame(octets))
    packet.markSegmented(
      Segmentation(
        kind: .tcpIPv4, segmentByteCount: 1_400, checksumStart: 34, checksumOffset: 16))
    var bulk = FrameBulk()
    if let frame = Frame(packet) { bulk.append(frame) }
    #expect(bench.port.transmit(&bulk) == (kind == .tap ? 1 : 0))
    if kind != .tap {
      let reason = unsafe DropReason(rawValue: bulk.descriptors[0].reason)
      #expect(reason == .mtu)
    }
    bulk.recycle()
    bench.finish()
  }

  @Test(arguments: PortKind.allCases)
  func aClosedPortRefuses(kind: PortKind) throws {
    let bench = try PortBench(kind, program: InTurn([.drop]))
    let frame = try bench.frame(makeFrame(1, byteCount: 60))
    bench.port.detach()
    (bench.port as? MemoryPort)?.close()
    (bench.port as? TAPPort)?.close()
    (bench.port as? PacketPort)?.close()
    (bench.port as? AFXDPPort)?.close()
    var bulk = FrameBulk()
    bulk.append(frame)
    #expect(bench.port.transmit(&bulk) == 0)
    let reason = unsafe DropReason(rawValue: bulk.descriptors[0].reason)
    #expect(reason == (kind == .memory ? .portGone : .shutdown))
    bulk.recycle()
    bench.finish()
  }
}
