// SPDX-License-Identifier: Apache-2.0

import Control
import EBPF
import Glibc
import TestSupport
import Testing

@testable import cpumapd

/// eBPF objects in a daemon, beside Swift programs.
@Suite struct ObjectProgramTests {
  private static func parse(
    _ programs: String, _ entries: String, port: String = ""
  ) throws
    -> Configuration
  {
    try Configuration.parse(
      """
      version: 1
      memory: {model: page-pool, frames: 4096}
      ports: [{name: gen, kind: generator, flows: 64, count: 4000\(port)}]
      programs: {\(programs)}
      entries: [\(entries)]
      """, fileName: "f.yaml", machine: nil
    ).configuration
  }

  private func run(_ configuration: Configuration) throws -> (Wiring, Report) {
    let wiring = try Wiring(configuration) { _ in }
    try wiring.start()
    // What a full queue dropped was offered, too.
    while true {
      let entries = wiring.report(seconds: 0, isQuiet: false).entries
      let offered = entries.reduce(0) { $0 + $1.offered }
      if offered == 4000, entries.allSatisfy({ $0.processed + $0.ringDrop == $0.offered }) { break }
      _ = sched_yield()
    }
    wiring.stop()
    let report = wiring.report(seconds: 0, isQuiet: true)
    #expect(report.unaccounted == 0)
    return (wiring, report)
  }

  @Test func oneEntryRunsSwiftAndAnotherAnObjectThatCounts() throws {
    let object = try TestObject("count").path
    let configuration = try Self.parse(
      "s: {kind: swift, type: Count}, b: {kind: ebpf, file: \(object), section: count, set: {rodata.verdict: 1}}",
      "{name: w1, cpu: 0, program: s}, {name: w2, cpu: 0, program: b}")
    #expect(Plan(configuration: configuration).text.contains("program b (\(object), count)"))
    let (wiring, report) = try run(configuration)
    #expect(report.entries.map { $0.programs.map(\.kind) } == [["swift"], ["ebpf"]])
    #expect(report.entries[1].processed > 0)
    // The verdict that was set is DROP.
    #expect(report.entries[1].drop.total == report.entries[1].processed)
    let counters = try #require(wiring.current.objects.map(named: "counters", scope: "b"))
    let words = try counters.value(of: [0, 0, 0, 0]).words
    #expect(
      words.enumerated().filter { $0.offset % 2 == 0 }.reduce(0) { $0 + $1.element }
        == UInt64(report.entries[1].processed))
  }

  @Test func anObjectSteersThePortAndItsEntriesShareMaps() throws {
    let object = try TestObject("count").path
    let configuration = try Self.parse(
      """
      p: {kind: ebpf, file: \(object), section: steer, set: {rodata.cpu_count: 2}}, \
      b: {kind: ebpf, file: \(object), section: count}
      """,
      "{name: w1, cpu: 0, program: b}, {name: w2, cpu: 0, program: b}", port: ", program: p")
    let (wiring, report) = try run(configuration)
    #expect(report.ports[0].redirect == 4000)
    let counters = try #require(wiring.current.objects.map(named: "counters", scope: "b"))
    let words = try counters.value(of: [0, 0, 0, 0]).words
    #expect(
      words.enumerated().filter { $0.offset % 2 == 0 }.reduce(0) { $0 + $1.element }
        == UInt64(report.entries.reduce(0) { $0 + $1.processed }))
  }

  @Test(arguments: ["endless", "wild"])
  func aProgramThatDoesWrongCostsItsFramesAndNothingElse(_ section: String) throws {
    let object = try TestObject("count").path
    let configuration = try Self.parse(
      "b: {kind: ebpf, file: \(object), section: \(section), budget: 100}",
      "{name: w1, cpu: 0, program: b}")
    let (_, report) = try run(configuration)
    #expect(report.entries[0].processed > 0)
    #expect(report.entries[0].aborted == report.entries[0].processed)
  }

  @Test func whatCannotRunIsNamedWhenTheDaemonIsSetUp() throws {
    let object = try TestObject("count").path
    for (text, part) in [
      ("file: /no/such.o", "/no/such.o"), ("file: \(object)", "count, steer"),
      ("file: \(object), section: count, set: {map.none.1: 1}", "counters, cpus"),
      ("file: \(object), section: count, set: {rodata.verdict: 4294967296}", "4 octets"),
    ] {
      let configuration = try Self.parse(
        "b: {kind: ebpf, \(text)}", "{name: w, cpu: 0, program: b}")
      let error = #expect(throws: SetUpError.self) { _ = try Wiring(configuration) { _ in } }
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "none")")
    }
    #expect(throws: (any Error).self) {
      try Self.parse(
        "b: {kind: ebpf, file: /a.o, set: {limit: 1}}", "{name: w, cpu: 0, program: b}")
    }
  }
}

extension [UInt8] {
  /// Little-endian words.
  fileprivate var words: [UInt64] {
    stride(from: 0, to: count, by: 8).map { at in
      self[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }
}
