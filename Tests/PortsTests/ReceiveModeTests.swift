// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

@Suite struct ReceiveModeTests {
  /// A packet and the octets of its headers; nil where it has no transport header.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let headers: Int?
    let octets: [UInt8]
  }

  static let lengths = [60, 61, 1_514, 3_520, 3_562, 3_563, 4_138, 4_139, 9_000, 60_000]

  @Test(arguments: ReceiveMode.allCases, lengths)
  func everyLengthComesThroughWhole(mode: ReceiveMode, byteCount: Int) throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(
      name: "in", registry: fixture.registry, models: [fixture.pool], receiving: mode)
    let octets = NumberedPacket(flow: 1, place: 2).octets(byteCount: byteCount)
    #expect(port.put(octets))
    var burst = Burst()
    port.receive(&burst, queue: 0, budget: 64, tally: fixture.tally)
    if mode == .linear, byteCount > fixture.pool.linearByteCount {
      #expect(burst.count == 0)
      #expect(fixture.tally[DropReason.mtu] == 1)
      #expect(fixture.tally[.received] == 1)
    } else {
      try #require(burst.count == 1)
      let linear = mode == .headerSplit ? 42 : min(byteCount, fixture.pool.linearByteCount)
      #expect(burst[0].linearByteCount == linear)
      #expect(burst[0].fragmentCount == (byteCount - linear + 4_095) / 4_096)
      #expect(burst[0].byteCount == byteCount)
      // Out again by a port, as a program's TX would.
      var bulk = FrameBulk()
      bulk.append(burst.takeAnyway(at: 0))
      burst.removeAll()
      #expect(port.transmit(&bulk) == 1)
      #expect(takeSent(port) == [octets])
    }
    #expect(fixture.isWhole)
  }

  static let packets: [Case] = [
    packet("UDP over IPv4", 42) {
      $0.ipv4(source: IPv4Address(192, 0, 2, 1), destination: IPv4Address(192, 0, 2, 2))
      $0.udp(source: 1, destination: 9)
    },
    packet("UDP over IPv6", 62) {
      $0.ipv6(source: IPv6Address(high: 1, low: 2), destination: IPv6Address(high: 3, low: 4))
      $0.udp(source: 1, destination: 9)
    },
    packet("TCP over IPv4", 54) {
      $0.ipv4(source: IPv4Address(192, 0, 2, 1), destination: IPv4Address(192, 0, 2, 2))
      $0.tcp(source: 1, destination: 9)
    },
    Case(
      testDescription: "no network layer", headers: nil,
      octets: makeFrame(3, byteCount: 200)),
    Case(
      testDescription: "headers cut off", headers: nil,
      octets: Array(NumberedPacket(flow: 0, place: 0).octets(byteCount: 60)[..<40])),
    Case(
      testDescription: "no payload", headers: 42,
      octets: Array(NumberedPacket(flow: 0, place: 0).octets(byteCount: 60)[..<42])),
  ]

  private static func packet(
    _ name: String, _ headers: Int, _ build: (inout PacketBuilder) -> Void
  ) -> Case {
    Case(
      testDescription: name, headers: headers,
      octets: PacketBuilder.octets(capacity: 1_500) {
        $0.ethernet()
        build(&$0)
        $0.payload(byteCount: 1_000)
      })
  }

  @Test(arguments: packets)
  func theSplitIsBehindTheTransportHeader(packet: Case) throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(
      name: "in", registry: fixture.registry, models: [fixture.pool], receiving: .headerSplit)
    #expect(port.put(packet.octets))
    var burst = Burst()
    port.receive(&burst, queue: 0, budget: 64, tally: fixture.tally)
    try #require(burst.count == 1)
    #expect(burst[0].linearByteCount == packet.headers ?? packet.octets.count)
    #expect(burst[0].hasFragments == (burst[0].linearByteCount < packet.octets.count))
    #expect(burst.takeAnyway(at: 0).octets() == packet.octets)
    burst.removeAll()
    #expect(fixture.isWhole)
  }

  /// 17 fragments of 2,048 octets and the headers are the most that halves hold.
  @Test(arguments: [(17 * 2_048 + 42, true), (17 * 2_048 + 43, false)])
  func whatNeedsMoreThan17FragmentsIsDropped(byteCount: Int, fits: Bool) throws {
    let fixture = try MemoryFixture()
    let halves = try SharedPagePool(registry: fixture.registry, pageCount: 16)
    let port = try MemoryPort(
      name: "in", registry: fixture.registry, models: [halves], receiving: .headerSplit)
    let octets = NumberedPacket(flow: 1, place: 2).octets(byteCount: byteCount)
    #expect(port.put(octets))
    #expect(fixture.receive(port) == (fits ? [octets] : []))
    #expect(fixture.tally[DropReason.tooManyFragments] == (fits ? 0 : 1))
    #expect(halves.census()[.free] == 32)
    #expect(halves.destroy() == nil)
  }
}

@Suite(.requiresNetworkNamespaces)
struct AFXDPHeaderSplitTests {
  @Test(arguments: [60, 1_514, 3_840, 3_841, 9_014])
  func headersArriveInAChunkOfTheirOwn(byteCount: Int) throws {
    try withNetworkNamespaces(mtu: 9_000) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      var options = smallOptions(multiBuffer: true)
      options.splitsHeaders = true
      let port = try pair.b.run {
        try AFXDPPort(name: "in", device: "right", registry: registry, options: options)
      }
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let loop = Loop()
      let split = NumberedPacket(flow: 1, place: 2).octets(byteCount: byteCount)
      let whole = makeFrame(1, byteCount: byteCount)
      for (frame, isSplit) in [(split, true), (whole, false)] {
        try socket.send(frame)
        try #require(loop.wait(for: port))
        let linear = loop.burst[0].linearByteCount
        #expect(linear == (isSplit ? 42 : min(byteCount, 3_840)))
        let chunks = (byteCount + 3_839) / 3_840
        #expect(loop.burst[0].fragmentCount == (isSplit ? chunks : chunks - 1))
        #expect(loop.holds([frame]))
        loop.moveToBulk()
        #expect(port.transmit(&loop.bulk) == 1)
        let isBack = try socket.receive(timeout: .seconds(30)) == frame
        #expect(isBack)
      }
      #expect(loop.maintain(port) { port.pools.allSatisfy { $0.census()[.transmit] == 0 } })
      expectAllHome(port)
    }
  }

  /// Wire, chunks, a worker's ring, its program, and the same chunks out to the wire again.
  @Test(arguments: [false, true])
  func aWorkerSendsBackWhatArrivedInSeveralChunks(splitsHeaders: Bool) throws {
    try withNetworkNamespaces(mtu: 9_000) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      var options = smallOptions(multiBuffer: true)
      options.splitsHeaders = splitsHeaders
      let port = try pair.b.run {
        try AFXDPPort(name: "in", device: "right", registry: registry, options: options)
      }
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let datapath = Datapath(registry: registry)
      datapath.add(port)
      try datapath.cpuMap.update(0, CPUMap.Value(name: "w0", cpu: 0, program: Reflect()))
      try datapath.addLoop(
        port: port, queue: 0, program: Steer(keys: [0], map: Datapath.cpuMapNumber),
        named: "steer")
      try datapath.start()
      let byteCounts = [60, 1_514, 3_840, 3_841, 7_680, 7_681, 9_014]
      for (number, byteCount) in byteCounts.enumerated() {
        let packet = NumberedPacket(flow: UInt32(number), place: 7).octets(byteCount: byteCount)
        try socket.send(packet)
        let back = try socket.receive(timeout: .seconds(30))
        // It comes from whom it went to.
        let isReflected = back == Array(packet[6..<12] + packet[0..<6] + packet[12...])
        #expect(isReflected, "\(byteCount) octets")
      }
      datapath.stop()
      #expect(datapath.entryReports.map(\.transmit) == [UInt64(byteCounts.count)])
      expectAllHome(port)
    }
  }

  @Test func splittingNeedsMultiBuffer() throws {
    try withNetworkNamespaces { pair in
      let registry = MemoryRegistry(arena: try Arena())
      var options = smallOptions()
      options.splitsHeaders = true
      #expect(throws: AFXDPError.self) {
        try pair.b.run {
          try AFXDPPort(name: "in", device: "right", registry: registry, options: options)
        }
      }
    }
  }
}
