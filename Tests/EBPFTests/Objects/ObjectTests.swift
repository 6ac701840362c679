// SPDX-License-Identifier: Apache-2.0

import EBPF
import Syscalls
import TestSupport
import Testing

@Suite struct ObjectTests {
  static func octets(_ name: String) throws -> [UInt8] {
    let file = try FileDescriptor(opening: try TestObject(name).path)
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      // Safe: the buffer lives for the duration of the call.
      let count = unsafe try chunk.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
      guard let count, count > 0 else { return octets }
      octets += chunk[..<count]
    }
  }

  static func object(_ name: String) throws -> Object { try Object(octets(name)) }

  @Test func typedMapsHaveWhatTheSourceSays() throws {
    let object = try ObjectTests.object("linking")
    let maps = Dictionary(uniqueKeysWithValues: object.maps.map { ($0.name, $0) })
    #expect(
      maps["counters"]
        == MapSpec(
          name: "counters", type: 6, keyByteCount: 4, valueByteCount: 16, maximumEntries: 4))
    #expect(
      maps["routes"]
        == MapSpec(
          name: "routes", type: 11, keyByteCount: 8, valueByteCount: 4, maximumEntries: 100,
          flags: 1))
    let shards = try #require(maps["shards"])
    #expect(shards.type == 12 && shards.valueByteCount == 4)
    #expect(shards.inner.map(\.valueByteCount) == [8])
    #expect(shards.initialEntries.map(\.index) == [0, 2])
    #expect(shards.initialEntries.map(\.symbol) == ["first_shard", "second_shard"])
    #expect(maps["jumps"]?.initialEntries.map(\.symbol) == ["tail"])
    #expect(maps["jumps"]?.initialEntries.map(\.index) == [1])
  }

  @Test func programsAreFoundInWhateverSectionTheyStand() throws {
    let object = try ObjectTests.object("linking")
    #expect(object.license == "Dual MIT/GPL")
    #expect(Set(object.programs.map(\.name)) == ["whole", "tail", "pieces", "unlisted"])
    #expect(object.programs.filter(\.takesFragments).map(\.name) == ["pieces"])
    #expect(try object.program(named: "somewhere").name == "unlisted")
    #expect(try object.program(named: "xdp").name == "whole")
    #expect(throws: ObjectError.self) { try object.program(named: nil) }
    #expect(try ObjectTests.object("legacy").program(named: nil).section == "from-netdev")
  }

  @Test func variablesAreMapsOfOneValueAndCanBeSetBeforeLoading() throws {
    var object = try ObjectTests.object("linking")
    try object.setVariable("verdict", to: [4, 0, 0, 0])
    let constants = try #require(object.maps.first { $0.name == ".rodata" })
    #expect(constants.isReadOnly && constants.contents == [4, 0, 0, 0])
    let data = try #require(object.maps.first { $0.name == ".data" })
    #expect(!data.isReadOnly && data.contents.contains(7) && data.contents.contains(5))
    let zeros = object.maps.first { $0.name == ".bss" }
    #expect(zeros?.contents == Array(repeating: 0, count: 8))
    #expect(throws: ObjectError.self) { try object.setVariable("verdict", to: [1]) }
    #expect(throws: ObjectError.self) { try object.setVariable("nothing", to: [1]) }
    try object.configureMap("counters") { $0.maximumEntries = 64 }
    #expect(object.maps.first { $0.name == "counters" }?.maximumEntries == 64)
    #expect(throws: ObjectError.self) { try object.configureMap("none") { $0.flags = 1 } }
  }

  @Test func callsAndCallbacksLeadToTheFunctionsTheyName() throws {
    let slots = try ObjectTests.object("linking").link("whole").instructions
    // The program, then what it reaches: two functions and the callback, each behind an exit.
    var starts: Set<Int> = []
    for (index, slot) in slots.enumerated() {
      let isCall = slot.opcode == 0x85 && slot.source == 1
      let isFunction = slot.isWideLoad && slot.source == 4
      if isCall || isFunction { starts.insert(index + 1 + Int(slot.immediate)) }
    }
    #expect(starts.count == 3)
    for start in starts {
      try #require(slots.indices.contains(start) && start > 0)
      #expect(slots[start - 1].opcode == 0x95)
    }
    #expect(slots.last?.opcode == 0x95)
  }

  @Test func everyMapAndVariableThatAProgramNamesHasItsReference() throws {
    let object = try ObjectTests.object("linking")
    let spec = try object.link("whole")
    var named: Set<String> = []
    for reference in spec.references {
      #expect(spec.instructions[reference.instruction].isWideLoad)
      switch reference.target {
      case .map(let map), .mapValue(let map, _): named.insert(object.maps[map].name)
      }
    }
    #expect(named == ["counters", "routes", "shards", "jumps", ".rodata", ".data", ".bss"])
  }

  @Test func mapsDefinedByNumberAreRead() throws {
    let object = try ObjectTests.object("legacy")
    #expect(
      object.maps == [
        MapSpec(name: "first", type: 2, keyByteCount: 4, valueByteCount: 8, maximumEntries: 2),
        MapSpec(
          name: "second", type: 1, keyByteCount: 6, valueByteCount: 12, maximumEntries: 1000,
          flags: 1),
      ])
    let targets = try object.link("classify").references.map(\.target)
    #expect(targets == [.map(1), .map(0)])
  }

  @Test func aKernelFunctionIsRefusedByName() throws {
    let object = try ObjectTests.object("adjustments")
    let error = #expect(throws: ObjectError.self) { try object.link("adjustments") }
    #expect(error?.place == "bpf_xdp_pull_data")
    #expect(error?.problem == .external)
  }

  /// Reads, and links every program: neither may do worse than throw.
  static func exercise(_ octets: [UInt8]) {
    guard let object = try? Object(octets) else { return }
    for program in object.programs { _ = try? object.link(program.name) }
  }

  @Test(arguments: ["linking", "legacy"])
  func damagedObjectsAreRefusedAndNeverTrap(name: String) throws {
    let whole = try ObjectTests.octets(name)
    var random = Generator(state: 0x9e37_79b9)
    for length in stride(from: 0, to: whole.count, by: 97) {
      ObjectTests.exercise(Array(whole[..<length]))
    }
    for _ in 0..<400 {
      var damaged = whole
      for _ in 0..<(1 + random.next() % 8) {
        damaged[Int(random.next() % UInt64(whole.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      // Most decisions rest on the table of sections, which is last.
      damaged[whole.count - 1 - Int(random.next() % 1024)] ^= 0xff
      ObjectTests.exercise(damaged)
    }
    #expect(throws: ObjectError.self) { try Object([]) }
    #expect(throws: ObjectError.self) { try Object(Array(whole[..<100])) }
  }
}
