// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Glibc
import Syscalls
import TestSupport
import Testing
import Wire

extension EndToEnd {
  @Suite struct DaemonProcessTests {
    @Test(arguments: ["steer", "jumbo"])
    func theDemoEndsWithABalancedLedgerAndLeavesNothing(scenario: String) throws {
      let program = try BuiltProgram("cpumapd")
      let run = try program.run(["demo", "--scenario", scenario, "--seconds", "2", "--json"])
      #expect(run.status == 0)
      let report = try Report(json: try JSON(parsing: Array(run.output.utf8)))
      #expect(report.mode == .afxdp)
      #expect(report.unaccounted == 0)
      #expect(report.ports.allSatisfy { $0.rx > 10_000 })
      #expect(report.entries.allSatisfy { $0.processed > 0 })
      #expect(report.pools.allSatisfy { $0[.free] == $0.capacity })
      #expect(!Interface.exists("demo0"))
    }

    @Test func aSignalUnderLoadEndsItInOrderWithinTwoSeconds() throws {
      try withNetworkNamespaces { pair in
        let program = try BuiltProgram("cpumapd")
        let file = try TemporaryFile(
          """
          version: 1
          daemon: {park: adaptive}
          memory: {model: xsk, frame_size: 4096, frames: 8192}
          ports:
            - {name: wan, kind: afxdp, device: right, queues: [0], mtu: 1500}
          programs:
            count: {kind: swift, type: Count, args: {verdict: drop}}
            reflect: {kind: swift, type: Reflect}
          entries:
            - {name: w1, cpu: \(CPUSet.allowed.processors[0]), qsize: 1024, program: count}
            - {name: w2, cpu: \(CPUSet.allowed.processors[0]), qsize: 1024, program: reflect}
          """)
        let socket = file.path + ".sock"
        let daemon = try pair.b.run {
          try program.start(["run", "-c", file.path, "--control", socket, "--json"])
        }
        let traffic = Traffic()
        let sender = try traffic.start(.max, on: pair)
        try waitForFrames(socket)
        let began = MonotonicClock.now
        daemon.signal(SIGTERM)
        let run = daemon.wait()
        let seconds = Double(MonotonicClock.now - began) / 1e9
        traffic.stop()
        sender.join()
        #expect(run.status == 0, "\(run.output)")
        #expect(seconds < 2)
        let report = try Report(json: try JSON(parsing: Array(run.output.utf8)))
        #expect(report.unaccounted == 0)
        #expect(report.pools.allSatisfy { $0[.free] == $0.capacity })
        #expect(report.ports.allSatisfy { $0.rx > 0 })
        #expect(unsafe access(socket, F_OK) != 0)
      }
    }

    @Test(.timeLimit(.minutes(2))) func changesUnderTrafficLoseNothingAndKeepEveryFlowInOrder()
      throws
    {
      try withNetworkNamespaces { pair in
        let program = try BuiltProgram("cpumapd")
        let cpu = CPUSet.allowed.processors[0]
        let file = try TemporaryFile(
          """
          version: 1
          memory: {model: xsk, frame_size: 4096, frames: 8192}
          ports: [{name: wan, kind: afxdp, device: right}]
          programs: {a: {kind: swift, type: Reflect}, b: {kind: swift, type: Reflect}}
          entries: [{name: w1, cpu: \(cpu), program: a}, {name: w2, cpu: \(cpu), program: a}]
          """)
        let socket = file.path + ".sock"
        let daemon = try pair.b.run {
          try program.start(["run", "-c", file.path, "--control", socket, "--json"])
        }
        // What is sent before it serves the interface is not for it.
        while (try? Client(path: socket)) == nil { Syscalls.Thread.sleep(for: .milliseconds(20)) }
        let listener = try Listener(on: pair)
        let traffic = Traffic(rate: 20_000)
        let sender = try traffic.start(.max, on: pair)
        try waitForFrames(socket)
        var client = try Client(path: socket, timeout: .seconds(30))
        let last = JSON.integer(CPUSet.allowed.processors.last ?? cpu)
        var changes = 0
        for round in 0..<8 {
          let name = JSON.string("n\(round)")
          for (method, parameters): (String, JSON) in [
            ("entry.add", ["entry": ["name": name, "cpu": last, "program": "b"]]),
            ("prog.swap", ["entry": "w1", "program": round % 2 == 0 ? "b" : "a"]),
            ("entry.drain", ["entry": "w2"]),
            ("entry.set", ["entry": "w2", "set": ["qsize": .integer(1_024 + round)]]),
            ("entry.drain", ["entry": "w2", "undo": true]), ("entry.rm", ["entry": name]),
            ("prog.rollback", ["entry": "w1"]),
          ] {
            changes +=
              try ChangeResult(json: try client.call(method, parameters)).changes.isEmpty ? 0 : 1
            Syscalls.Thread.sleep(for: .milliseconds(20))
          }
        }
        #expect(changes == 56)
        traffic.stop()
        sender.join()
        listener.wait(for: traffic.sentCount)
        daemon.signal(SIGTERM)
        let run = daemon.wait()
        listener.stop()
        #expect(run.status == 0, "\(run.output)")
        let report = try Report(json: try JSON(parsing: Array(run.output.utf8)))
        let port = report.ports[0]
        #expect(report.unaccounted == 0)
        #expect(report.generation == 57)
        #expect(traffic.sentCount > 20_000)
        #expect(port.rx + port.rxKernelDropped >= UInt64(traffic.sentCount))
        // What came in went out again, by whichever worker.
        #expect(port.tx == port.rx && port.drop.total == 0 && port.txErrors == 0)
        #expect(report.entries.allSatisfy { $0.ringDrop == 0 && $0.drop.total == 0 })
        #expect(listener.seen.late == 0 && listener.seen.damaged == 0, "\(listener.seen)")
        #expect(report.pools.allSatisfy { $0[.free] == $0.capacity })
      }
    }

    /// Asks the daemon until it has received something.
    private func waitForFrames(_ socket: String) throws {
      for _ in 0..<500 {
        Syscalls.Thread.sleep(for: .milliseconds(20))
        guard var client = try? Client(path: socket) else { continue }
        let report = try Report(json: try client.call("stats"))
        if report.entries.contains(where: { $0.processed > 10_000 }) { return }
      }
      Issue.record("The daemon received nothing.")
    }
  }
}
