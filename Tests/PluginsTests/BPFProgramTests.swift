// SPDX-License-Identifier: Apache-2.0

import EBPF
import Plugins
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

/// Programs out of eBPF objects, honest and hostile.
@Suite struct BPFProgramTests {
  private static func load(_ name: String, _ bench: Bench) throws -> LoadedObject {
    let file = try FileDescriptor(opening: try TestObject(name).path)
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    // Safe: the buffer lives for the duration of the call.
    while let count = unsafe try chunk.withUnsafeMutableBytes({ unsafe try file.read(into: $0) }),
      count > 0
    {
      octets += chunk[..<count]
    }
    let store = MapStore(arena: bench.registry.arena, processorCount: 2)
    return LoadedObject(try Object(octets), store: store, helpers: BPFProgram.helpers)
  }

  @Test func onlyAProgramWhoseSectionSaysSoSeesFragments() throws {
    let bench = try Bench()
    let taking = try BPFProgram(try Self.load("count", bench), program: "count")
    let linear = try BPFProgram(try Self.load("linking", bench), program: "unlisted")
    #expect(taking.acceptsFragments && !linear.acceptsFragments)
    var burst = try bench.burst([60, 9_000, 60])
    taking.run(&burst)
    #expect(burst.given == [.pass, .pass, .pass])
    linear.run(&burst)
    #expect(burst.given == [.transmit, .aborted, .transmit])
    #expect(linear.faultCount == 0)
    bench.end(&burst)
    bench.expectAllHome()
  }

  @Test func anEventIsTheRecordAndTheOctetsOfThePacket() throws {
    let bench = try Bench()
    let object = try Self.load("hostile", bench)
    let program = try BPFProgram(object, program: "send")
    let events = try object.map(named: "events")
    var burst = try bench.burst([60])
    program.run(&burst)
    // Nobody listens.
    #expect(burst.given == [.drop])
    try events.openEvents(of: program.processor, byteCount: 50)
    for expected in [Verdict.pass, .pass, .drop] {
      program.run(&burst)
      #expect(burst.given == [expected])
    }
    let (records, lost) = events.takeEvents(of: program.processor)
    #expect(records == Array(repeating: [1, 2, 3, 4] + Bench.octets(20), count: 2))
    #expect(lost == 1)
    bench.end(&burst)
  }

  @Test func aRedirectToAPortLeadsWhereTheDatapathSays() throws {
    let bench = try Bench()
    let object = try Self.load("hostile", bench)
    try object.map(named: "ports").setValue([7, 0, 0, 0], of: [0, 0, 0, 0])
    let program = try BPFProgram(object, program: "send", routes: RedirectRoutes(portMap: 2))
    var burst = try bench.burst([60])
    program.run(&burst)
    // The bench's packets come by port 1.
    #expect(burst[0].target == RedirectTarget(map: 2, key: 1))
    bench.end(&burst)
  }

  @Test func aProgramAsksTheTableWhereAPacketGoes() throws {
    let bench = try Bench()
    let table = ForwardingTable(
      routes: [
        Route(to: [10, 0, 2, 0], prefixLength: 24, by: 2),
        Route(to: [20, 1, 0, 0], prefixLength: 16, kind: .blackhole, by: 0),
      ],
      neighbours: [
        Neighbour([10, 0, 2, 9], at: HardwareAddress(rawValue: 0x0200_0000_0209), by: 2)
      ],
      links: [
        ForwardingTable.Link(index: 2, port: 12, address: MACAddress(rawValue: 0x0200_0000_0002))
      ])
    let object = try Self.load("hostile", bench)
    let program = try BPFProgram(object, program: "route", forwarding: table)
    var burst = try bench.burst([60, 60, 60, 60])
    for (position, (destination, length)) in [
      ([10, 0, 2, 9], [0, 60]), ([20, 1, 0, 1], [0, 60]), ([10, 0, 2, 7], [0, 60]),
      ([10, 0, 2, 9], [6, 0]),
    ].enumerated() {
      burst[position].withMutableBytes { octets in
        for (at, octet) in (destination + length).enumerated() {
          octets.storeBytes(
            of: UInt8(octet), toByteOffset: at < 4 ? 30 + at : 12 + at, as: UInt8.self)
        }
      }
    }
    program.run(&burst)
    // To a neighbour; to nowhere; to somebody who has to be asked for first; too long for the way.
    #expect(burst.given == [.transmit, .drop, .pass, Verdict(rawValue: 7)])
    // Safe: the burst holds the packet.
    let link = unsafe Array(UnsafeRawBufferPointer(start: burst[0].data, count: 13))
    #expect(link == [2, 0, 0, 0, 2, 9, 2, 0, 0, 0, 0, 2, 2])
    let without = try BPFProgram(object, program: "route")
    without.run(&burst)
    #expect(burst.given == Array(repeating: .pass, count: 4))
    bench.end(&burst)
  }

  @Test func aBroadcastKeepsItsFlags() throws {
    let bench = try Bench()
    let object = try Self.load("hostile", bench)
    let program = try BPFProgram(object, program: "flood", routes: RedirectRoutes(deviceMap: 2))
    var burst = try bench.burst([60])
    program.run(&burst)
    #expect(burst.given == [.redirect])
    #expect(burst[0].target == RedirectTarget(everyEntryOf: 2))
    bench.end(&burst)
  }

  @Test func noArgumentsOfAHelperForPacketsDoHarm() throws {
    let bench = try Bench()
    let object = try Self.load("hostile", bench)
    let program = try BPFProgram(object, program: "hostile", fuel: 4096)
    let calls = try object.map(named: "calls")
    try object.map(named: "events").openEvents(of: program.processor)
    var random = Steps(state: 0x5eed_5eed_5eed)
    for number: UInt64 in [23, 25, 44, 51, 54, 65, 69, 188, 189, 190] {
      for _ in 0..<100 {
        let words = [number] + (0..<5).map { _ in Self.argument(calls, &random) }
        try calls.setValue(
          words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } },
          of: [0, 0, 0, 0])
        var burst = try bench.burst([60, 9_000])
        program.run(&burst)
        #expect(burst[1].fragmentCount <= Limits.fragments)
        bench.end(&burst)
      }
    }
    #expect(program.faultCount > 0)
    bench.expectAllHome()
  }

  /// A number that a helper may take for a handle, an address, a length, or flags.
  private static func argument(
    _ map: BPFMap, _ random: inout Steps
  ) -> UInt64 {
    switch Int.random(in: 0..<7, using: &random) {
    case 0: .random(in: 0..<6, using: &random)
    case 1: UInt64(map.valuesOffset) + .random(in: 0..<4200, using: &random)
    case 2: .random(in: 0..<10_000, using: &random)
    case 3: UInt64(bitPattern: -.random(in: 0..<10_000, using: &random))
    case 4: .random(in: 0..<64, using: &random) << 32 | 0xffff_ffff
    case 5: UInt64(UInt32.max) - .random(in: 0..<16, using: &random)
    default: .random(in: 0 ... .max, using: &random)
    }
  }

  /// Xorshift: the same arguments on every run.
  struct Steps: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }
}
