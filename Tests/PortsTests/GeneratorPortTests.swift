// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Ports
import Testing
import Wire
import XDPFrame

@Suite struct GeneratorPortTests {
  private func make(
    _ plan: GeneratorPort.Plan, _ fixture: MemoryFixture
  ) throws -> GeneratorPort {
    try GeneratorPort(name: "gen", registry: fixture.registry, model: fixture.pool, plan: plan)
  }

  @Test(arguments: GeneratorPort.Plan.Network.allCases)
  func everyHeaderIsRight(network: GeneratorPort.Plan.Network) throws {
    let fixture = try MemoryFixture()
    let plan = GeneratorPort.Plan(
      flowCount: 5, byteCounts: [78, 79, 1_514, 9_728], limit: 40, network: network)
    let generator = try make(plan, fixture)
    let packets = fixture.receive(generator)
    #expect(packets.count == 40)
    for (number, octets) in packets.enumerated() {
      #expect(octets.count == plan.byteCounts[number % 4])
      let dissection = Dissection(parsing: unsafe octets.span.bytes)
      #expect(dissection.stop == .complete)
      #expect(dissection.transport == .udp)
      #expect(dissection.destinationPort == 9)
      #expect(dissection.sourcePort == 1_024 + UInt16(number % 5))
      #expect(dissection.endOffset == octets.count)
      expectChecksums(octets, dissection)
    }
    #expect(fixture.isWhole)
  }

  /// The sum over octets that hold a right checksum is 0.
  private func expectChecksums(_ octets: [UInt8], _ dissection: Dissection) {
    let network = dissection.networkOffset
    let transport = dissection.transportOffset
    let length = octets.count - transport
    var sum: Checksum
    if dissection.network == .ipv4 {
      #expect(Checksum.of(unsafe octets[network..<transport].span.bytes) == 0)
      sum = Checksum(
        source: dissection.sourceIPv4 ?? IPv4Address(0, 0, 0, 0),
        destination: dissection.destinationIPv4 ?? IPv4Address(0, 0, 0, 0), .udp,
        byteCount: length)
    } else {
      sum = Checksum(
        source: dissection.source, destination: dissection.destination, .udp, byteCount: length)
    }
    let datagram = Array(octets[transport...])
    sum.add(unsafe datagram.span.bytes)
    #expect(sum.value == 0)
    #expect(octets[transport + 6] != 0 || octets[transport + 7] != 0)
  }

  @Test func flowsAndLengthsTakeTurns() throws {
    let fixture = try MemoryFixture()
    let generator = try make(
      GeneratorPort.Plan(flowCount: 3, byteCounts: [60, 100], limit: 12), fixture)
    let packets = fixture.receive(generator)
    #expect(packets.map(\.count) == (0..<12).map { $0 % 2 == 0 ? 60 : 100 })
    let flows = packets.map { Int($0[45]) }
    #expect(flows == (0..<12).map { $0 % 3 })
    let sequences = packets.map { Int($0[53]) }
    #expect(sequences == (0..<12).map { $0 / 3 })
  }

  @Test(arguments: [1, 2, 64, 257, 5_000])
  func everyFlowHasAddressesAndPortsOfItsOwn(flowCount: Int) throws {
    let fixture = try MemoryFixture()
    let generator = try make(GeneratorPort.Plan(flowCount: flowCount, limit: flowCount), fixture)
    var seen: Set<[UInt8]> = []
    while !generator.isFinished {
      for octets in fixture.receive(generator) { seen.insert(Array(octets[26..<38])) }
    }
    #expect(seen.count == flowCount)
  }

  @Test(arguments: [0, 1, 63, 64, 65, 1_000])
  func stopsAtItsLimit(limit: Int) throws {
    let fixture = try MemoryFixture()
    let generator = try make(GeneratorPort.Plan(limit: limit), fixture)
    var count = 0
    while !generator.isFinished { count += fixture.receive(generator).count }
    #expect(count == limit)
    #expect(fixture.receive(generator).isEmpty)
    #expect(generator.counts.made == limit)
    #expect(generator.counts.starved == 0)
    #expect(fixture.isWhole)
  }

  @Test func aPacketForWhichThereIsNoBufferIsMadeLater() throws {
    let fixture = try MemoryFixture(pages: 5)
    let generator = try make(
      GeneratorPort.Plan(flowCount: 1, byteCounts: [9_000], limit: 4), fixture)
    var sequences: [UInt8] = []
    for _ in 0..<4 {
      // Five pages hold one packet of three, and the beginnings of others that must not be kept.
      let packets = fixture.receive(generator)
      #expect(packets.count == 1)
      sequences += packets.map { $0[53] }
      #expect(fixture.isWhole)
    }
    #expect(sequences == [0, 1, 2, 3])
    #expect(generator.counts.starved == 3 + 2 + 1)
  }

  @Test func itsMemoryMayBeAnyModels() throws {
    let fixture = try MemoryFixture()
    let halves = try SharedPagePool(registry: fixture.registry, pageCount: 64)
    let plan = GeneratorPort.Plan(flowCount: 2, byteCounts: [64, 1_600, 9_728], limit: 30)
    let generator = try GeneratorPort(
      name: "gen", registry: fixture.registry, model: halves, plan: plan)
    let sink = try SinkPort(name: "sink", registry: fixture.registry, plan: plan)
    while !generator.isFinished { _ = fixture.carry(from: generator, to: sink) }
    #expect(sink.report.isClean)
    #expect(sink.report.lost(ofMade: 30) == 0)
    #expect(halves.census()[.free] == 128)
    #expect(halves.destroy() == nil)
  }

  @Test func nobodyCanSendToAGenerator() throws {
    let fixture = try MemoryFixture()
    let generator = try make(GeneratorPort.Plan(), fixture)
    var bulk = try fixture.bulk(2)
    #expect(generator.transmit(&bulk) == 0)
    #expect(unsafe bulk.descriptors[1].reason == DropReason.redirectNoPort.rawValue)
    bulk.recycle()
    #expect(fixture.isWhole)
  }

  @Test(arguments: [
    (GeneratorPort.Plan(flowCount: 0), "generator gen: 0 flows; 1...1048576"),
    (GeneratorPort.Plan(byteCounts: []), "generator gen: no lengths"),
    (GeneratorPort.Plan(byteCounts: [59]), "generator gen: packets of 59 octets; 60...65549"),
    (
      GeneratorPort.Plan(byteCounts: [77], network: .ipv6),
      "generator gen: packets of 77 octets; 78...65589"
    ),
    (GeneratorPort.Plan(rate: 0), "generator gen: 0 packets a second; 1...1000000000"),
    (GeneratorPort.Plan(limit: -1), "generator gen: a limit of -1"),
    (GeneratorPort.Plan(burst: 0), "generator gen: a burst of 0"),
  ])
  func aPlanThatMakesNoSenseIsRefused(plan: GeneratorPort.Plan, text: String) throws {
    let fixture = try MemoryFixture()
    #expect(throws: PortError(text)) { _ = try make(plan, fixture) }
  }

  @Test func packetsThatItsMemoryCannotHoldAreRefused() throws {
    let fixture = try MemoryFixture()
    let halves = try SharedPagePool(registry: fixture.registry, pageCount: 1)
    defer { halves.destroy() }
    #expect(
      throws: PortError(
        "generator gen: packets of 36353 octets; its memory holds 36352 in 18 buffers")
    ) {
      _ = try GeneratorPort(
        name: "gen", registry: fixture.registry, model: halves,
        plan: GeneratorPort.Plan(byteCounts: [36_353]))
    }
  }
}

@Suite struct SinkPortTests {
  private let plan = GeneratorPort.Plan(
    flowCount: 3, byteCounts: [64, 1_514, 9_000, 65_000], limit: 60)

  /// What a generator makes, as frames for a test to ill-treat.
  private func traffic(_ fixture: MemoryFixture) throws -> [[UInt8]] {
    let generator = try GeneratorPort(
      name: "gen", registry: fixture.registry, model: fixture.pool, plan: plan)
    var packets: [[UInt8]] = []
    while !generator.isFinished { packets += fixture.receive(generator, budget: 8) }
    return packets
  }

  private func send(_ packets: [[UInt8]], to sink: SinkPort, _ fixture: MemoryFixture) throws {
    for octets in packets {
      var bulk = FrameBulk()
      bulk.append(try fixture.frame(octets))
      #expect(sink.transmit(&bulk) == 1)
      #expect(bulk.isEmpty == true)
    }
    #expect(fixture.isWhole)
  }

  @Test func cleanTrafficIsClean() throws {
    let fixture = try MemoryFixture()
    let sink = try SinkPort(name: "sink", registry: fixture.registry, plan: plan)
    let packets = try traffic(fixture)
    try send(packets, to: sink, fixture)
    #expect(sink.report.isClean)
    #expect(sink.report.received == 60)
    #expect(sink.report.byteCount == UInt64(packets.reduce(0) { $0 + $1.count }))
    #expect(sink.report.lost(ofMade: 60) == 0)
    #expect(sink.status.sent == 60)
  }

  @Test func exchangedEthernetAddressesAreNoDamage() throws {
    let fixture = try MemoryFixture()
    let sink = try SinkPort(name: "sink", registry: fixture.registry, plan: plan)
    let packets = try traffic(fixture).map { $0[6..<12] + $0[0..<6] + $0[12...] }
    try send(packets.map { Array($0) }, to: sink, fixture)
    #expect(sink.report.isClean)
  }

  /// Any octet behind the addresses, in the first buffer or in a later one.
  @Test(arguments: [12, 14, 22, 24, 30, 36, 40, 45, 53, 55, 58, 63, 3_519, 3_520, 7_616, 8_999])
  func oneWrongBitIsDamage(offset: Int) throws {
    let fixture = try MemoryFixture()
    let sink = try SinkPort(name: "sink", registry: fixture.registry, plan: plan)
    var octets = try traffic(fixture)[2]
    octets[offset] ^= 0x10
    try send([octets], to: sink, fixture)
    #expect(sink.report.corrupted == 1)
    #expect(sink.report.distinct == 0)
  }

  @Test func packetsCutShortOrNotOursAreDamage() throws {
    let fixture = try MemoryFixture()
    let sink = try SinkPort(name: "sink", registry: fixture.registry, plan: plan)
    let packets = try traffic(fixture)
    let foreign = [UInt8](repeating: 0, count: 64)
    try send(
      [Array(packets[1].dropLast()), packets[1] + [0], Array(packets[0][..<57]), foreign],
      to: sink, fixture)
    #expect(sink.report.corrupted == 4)
    // A generator with other lengths or more flows makes what this one does not.
    let other = try GeneratorPort(
      name: "other", registry: fixture.registry, model: fixture.pool,
      plan: GeneratorPort.Plan(flowCount: 4, byteCounts: [64, 64, 65, 64], limit: 4))
    try send(fixture.receive(other), to: sink, fixture)
    #expect(sink.report.corrupted == 4 + 2)
  }

  @Test func whatIsLostLateOrDoubleIsToldApart() throws {
    let fixture = try MemoryFixture()
    let sink = try SinkPort(name: "sink", registry: fixture.registry, plan: plan)
    var packets = try traffic(fixture)
    // One flow's packets are 3 apart: swap two of a flow, lose one, repeat one, lose the last.
    packets.swapAt(3, 6)
    packets.append(packets[9])
    packets.remove(at: 59)
    packets.remove(at: 10)
    try send(packets, to: sink, fixture)
    #expect(sink.report.reordered == 1)
    #expect(sink.report.duplicated == 1)
    #expect(sink.report.missing == 1)
    #expect(sink.report.corrupted == 0)
    #expect(sink.report.lost(ofMade: 60) == 2)
    #expect(!sink.report.isClean)
  }

  @Test func aSinkReceivesNothing() throws {
    let fixture = try MemoryFixture()
    let sink = try SinkPort(name: "sink", registry: fixture.registry, plan: plan)
    #expect(fixture.receive(sink).isEmpty)
    #expect(sink.queueCount == 1)
    #expect(sink.status.kind == "sink")
    #expect(throws: PortError.self) {
      try SinkPort(
        name: "x", registry: fixture.registry, plan: GeneratorPort.Plan(flowCount: 0))
    }
  }
}
