// SPDX-License-Identifier: Apache-2.0

import Control
import Glibc
import Ports
import Synchronization
import Syscalls
import Testing
import XDPFrame

@testable import cpumapd

/// Changes that an operator asks for over the control socket.
@Suite(.serialized, .timeLimit(.minutes(3))) struct OperationsTests {
  private static let cpus = CPUSet.allowed.processors

  @Test func changesUnderTrafficLoseNothingAndKeepEveryFlowInOrder() throws {
    let count = 40_000
    let cpu = Self.cpus[0]
    let bench = try ControlledWiring(
      "{name: w1, cpu: \(cpu), qsize: 8192, program: a}, {name: w2, cpu: \(cpu), qsize: 8192}",
      programs: "a: {kind: swift, type: Pass}, b: {kind: swift, type: Count}", count: count)
    var random = SystemRandomNumberGenerator()
    var generation: UInt64 = 1
    var made: [String: Int] = [:]
    try bench.wiring.start()
    while try bench.report().ports[0].rx < UInt64(count) || made.count < 6 {
      let (method, parameters) = Self.anyChange(bench.wiring.current, &random)
      let before = generation
      // The last entry that is steered to cannot go, and there may be nothing to go back to.
      guard let result = try bench.changeUnlessRefused(method, parameters) else { continue }
      generation = result.generation
      #expect(generation == before + (result.changes.isEmpty ? 0 : 1))
      #expect(result.ringDrop == 0)
      made[method, default: 0] += 1
    }
    #expect(try bench.report().generation == generation)
    let report = bench.stop()
    #expect(report.unaccounted == 0, "\(report.lawViolations())")
    #expect(report.entries.allSatisfy { $0.ringDrop == 0 && $0.drop.total == 0 })
    #expect(bench.sink.report.received == UInt64(count))
    #expect(bench.sink.report.isClean, "\(bench.sink.report)")
    #expect(generation > 6, "\(made)")
  }

  private static func anyChange(
    _ state: Wiring.State, _ random: inout SystemRandomNumberGenerator
  ) -> (String, JSON) {
    let names = state.configuration.entries.map(\.name)
    let name = JSON.string(names.randomElement(using: &random) ?? "")
    let cpu = JSON.integer(cpus.randomElement(using: &random) ?? 0)
    switch Int.random(in: 0..<7, using: &random) {
    case 0:
      let new = "n\(Int.random(in: 0..<1_000_000, using: &random))"
      return ("entry.add", ["entry": ["name": .string(new), "cpu": cpu, "qsize": 8_192]])
    case 1: return ("entry.rm", ["entry": name])
    case 2:
      let queue = JSON.integer(8_192 + Int.random(in: 0..<100, using: &random))
      return ("entry.set", ["entry": name, "set": ["cpu": cpu, "qsize": queue]])
    case 3: return ("entry.drain", ["entry": name, "undo": .boolean(Bool.random(using: &random))])
    case 4: return ("prog.swap", ["entry": name, "program": "b"])
    case 5: return ("prog.swap", ["entry": name, "program": "a"])
    default: return ("prog.rollback", ["entry": name])
    }
  }

  @Test func whatIsRefusedLeavesTheOldGenerationRunning() throws {
    let bench = try ControlledWiring("{name: w1, cpu: 0}, {name: w2, cpu: 0}", steering: "w1")
    let refusals: [(String, JSON, Int, String)] = [
      ("entry.rm", ["entry": "w9"], 2006, "no entry is named \"w9\"; there are: w1, w2"),
      (
        "entry.drain", ["entry": "w1"], 2002, "entry w1 is the last one that steering reaches"
      ),
      ("entry.add", ["entry": ["name": "w1", "cpu": 0]], 2002, "entry \"w1\" is there already"),
      ("entry.add", ["entry": ["name": "w 3", "cpu": 0]], 2002, "name is \"w 3\"; it must be"),
      ("entry.add", ["entry": ["name": "w3"]], 2002, "needs \"cpu\""),
      (
        "entry.add", ["entry": ["name": "w3", "cpu": 0, "qzise": 9]], 2002,
        "unknown key \"qzise\" in the file; did you mean \"qsize\"?"
      ),
      (
        "entry.add", ["entry": ["name": "w3", "cpu": 0, "program": "aa"]], 2002,
        "no program is named \"aa\""
      ),
      ("entry.add", ["entry": ["name": "w3", "cpu": 1023]], 2002, "CPU 1023 is not one"),
      ("entry.set", ["entry": "w1", "set": ["qsize": 99_999]], 2002, "1...16384"),
      ("prog.swap", ["entry": "w1", "program": "c"], 2006, "no program is named \"c\""),
      ("prog.rollback", ["entry": "w1"], 2007, "entry w1 has run no other program before"),
      (
        "prog.load", ["name": "p", "definition": ["kind": "so", "file": "/no/such.so"]], 2004, "/no"
      ),
      (
        "prog.load", ["name": "p", "definition": ["kind": "swfit"]], 2002, "did you mean \"swift\""
      ),
      (
        "entry.rm", ["entry": "w1", "if_generation": 7], 2001,
        "if_generation is 7, and generation 1"
      ),
      ("entry.rm", [:], -32_602, "entry"), ("entry.rn", [:], -32_601, "no method"),
    ]
    let before = bench.wiring.current.configuration
    for (method, parameters, code, message) in refusals {
      let refusal = try #require(bench.refusal(method, parameters), "\(method) \(parameters)")
      #expect(refusal.code == code, "\(refusal)")
      #expect(refusal.message.contains(message), "\(refusal)")
    }
    #expect(bench.wiring.current.configuration == before)
    #expect(try bench.report().generation == 1)
    #expect(bench.stop().unaccounted == 0)
  }

  @Test func aReloadMakesTheFileWhatRunsOrChangesNothing() throws {
    let bench = try ControlledWiring("{name: w1, cpu: 0}, {name: w2, cpu: 0}")
    let cpu = Self.cpus.last ?? 0
    try ControlledWiring.write(
      ControlledWiring.text(
        "{name: w1, cpu: 0, qsize: 4096, program: a}, {name: w3, cpu: \(cpu)}"), to: bench.file)
    let lines = [
      "~ entries[w1].qsize: 2048 -> 4096", "~ entries[w1].program: none -> a",
      "+ entries[w3]: cpu \(cpu), queue 2048, program none",
      "- entries[w2]: its queue is emptied first", "~ steering: w1, w2 -> w1, w3",
    ]
    #expect(try bench.change("reload", ["dry_run": true]).changes == lines)
    #expect(try bench.report().generation == 1)
    let result = try bench.change("reload", ["if_generation": 1])
    #expect(result.changes == lines)
    #expect(result.generation == 2)
    #expect(try bench.report().entries.map(\.id) == ["w1", "w3", "w2"])
    #expect(try bench.report().entries.map(\.state) == ["up", "up", "removed"])
    #expect(try bench.change("reload").changes == [])
    #expect(try bench.report().generation == 2)

    try ControlledWiring.write(
      "version: 1\nprots: []\nports: [{name: p, kind: memory}]\n", to: bench.file)
    let wrong = try #require(bench.refusal("reload", [:]))
    #expect(wrong.message.hasPrefix("\(bench.file):2:1: error: unknown key \"prots\""))
    #expect(wrong.fix == "cpumapd check \(bench.file)")
    try ControlledWiring.write(
      ControlledWiring.text("{name: w1, cpu: 0}").replacing("8192", with: "4096"), to: bench.file)
    #expect(bench.refusal("reload", [:])?.code == 2003)
    #expect(
      try bench.change("reload", ["dry_run": true]).changes.first == "! memory: needs a restart")
    #expect(try bench.report().generation == 2)
    #expect(bench.stop().unaccounted == 0)
  }

  @Test func goingBackFindsTheProgramAsItWasLeft() throws {
    let bench = try ControlledWiring(
      "{name: w1, cpu: 0, program: a}",
      programs: "a: {kind: swift, type: Count}, b: {kind: swift, type: Pass}")
    func running() -> Wiring.Running? { bench.wiring.current.entries["w1"]?.program }
    let first = try #require(running())
    try bench.change("prog.swap", ["entry": "w1", "program": "b"])
    #expect(running()?.definition.name == "b")
    try bench.change("prog.rollback", ["entry": "w1"])
    #expect(running()?.instance === first.instance)
    #expect(running()?.version == 3)
    try bench.change("prog.rollback", ["entry": "w1"])
    #expect(running()?.definition.name == "b")
    #expect(bench.stop().unaccounted == 0)
  }

  @Test func aProgramIsLoadedAnewWhileTheOldOneRunsOn() throws {
    let bench = try ControlledWiring("{name: w1, cpu: 0, program: a}, {name: w2, cpu: 0}")
    let definition: JSON = ["kind": "swift", "type": "Count", "args": ["verdict": "drop"]]
    try bench.change("prog.load", ["name": "a", "definition": definition])
    let old = bench.wiring.current.entries["w1"]?.program
    #expect(old?.definition.type == "Pass")
    let list = try ProgramList(json: try bench.call("prog.list"))
    #expect(list.programs.map(\.runners) == [["w1@1*"]])
    // What has nothing to do with it leaves the old one running.
    try bench.change("entry.add", ["entry": ["name": "w3", "cpu": 0]])
    #expect(bench.wiring.current.entries["w1"]?.program?.instance === old?.instance)
    try bench.change("prog.swap", ["entry": "w1", "program": "a"])
    #expect(bench.wiring.current.entries["w1"]?.program?.definition.type == "Count")
    #expect(try ProgramList(json: try bench.call("prog.list")).programs[0].runners == ["w1@2"])
    #expect(bench.stop().unaccounted == 0)
  }

  @Test func peersThatOnlyLookAreNotKeptWaitingByAChange() throws {
    let bench = try ControlledWiring("{name: w1, cpu: 0}")
    let path = bench.path
    let changed = Mutex(false)
    // Whoever changes something holds this: the change that is asked for below waits for it.
    let asker = try bench.wiring.changing.withLock { _ in
      let asker = JoinedThread(
        try Thread(name: "asker") {
          var client = try? Client(path: path, timeout: .seconds(60))
          let answer = try? client?.call("entry.add", ["entry": ["name": "w2", "cpu": 0]])
          changed.withLock { $0 = answer != nil }
        })
      for _ in 0..<50 { #expect(try bench.report().generation == 1) }
      #expect(!changed.withLock { $0 })
      return asker
    }
    _ = consume asker
    #expect(changed.withLock { $0 })
    #expect(try bench.report().generation == 2)
    #expect(bench.stop().unaccounted == 0)
  }

  /// A thread that a closure can hand out.
  private final class JoinedThread {
    let thread: Thread
    init(_ thread: consuming Thread) { self.thread = thread }
  }
}
