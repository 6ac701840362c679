// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Glibc
import Syscalls
import TestSupport
import Testing

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
