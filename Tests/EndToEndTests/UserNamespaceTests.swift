// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Glibc
import Syscalls
import TestSupport
import Testing

extension EndToEnd {
  /// The daemon where nobody is root: capabilities count in a user namespace of its own, and nowhere else.
  @Suite struct UserNamespaceTests {
    /// Why there is no user namespace to be had; nil where there is one.
    static let obstacle: String? =
      unsafe system("unshare -Urn ip link >/dev/null 2>&1") == 0
      ? nil : "unshare -Urn, or ip in it, fails here"

    @Test(
      .enabled(
        if: obstacle == nil || skippingIsFailure, Comment(rawValue: obstacle ?? "it works")))
    func packetSocketsAndATAPServeIt() throws {
      let program = try BuiltProgram("cpumapd")
      let file = try TemporaryFile(
        """
        version: 1
        memory: {frames: 2048}
        ports:
          - {name: made, kind: generator, flows: 64, sizes: [60, 1500], rate: 20000, count: 5000, program: out}
          - {name: near, kind: packet, device: near, program: count}
          - {name: far, kind: packet, device: far}
          - {name: stack, kind: tap, device: tap0, program: count}
        programs:
          count: {kind: swift, type: Count, args: {verdict: drop}}
          out: {kind: swift, type: Redirect}
        entries:
          - {name: w1, cpu: \(CPUSet.allowed.processors[0]), qsize: 1024}
        on: {pass: stack, redirect: {made: near}}
        """)
      let socket = file.path + ".sock"
      let script = """
        ip link add near type veth peer name far && ip link set near up && ip link set far up
        exec \(program.path) run -c \(file.path) --control \(socket) --json
        """
      let daemon = try BuiltProgram(at: "/usr/bin/unshare").start(["-Urn", "sh", "-c", script])
      try wait(for: socket)
      daemon.signal(SIGTERM)
      let run = daemon.wait()
      #expect(run.status == 0, "\(run.output)")
      let report = try Report(json: try JSON(parsing: Array(run.output.utf8)))
      #expect(report.mode == .packet)
      #expect(report.unaccounted == 0)
      #expect(report.pools.allSatisfy { $0[.free] == $0.capacity })
      #expect(report.ports[0].redirect == 5_000)
      #expect(report.ports[1].tx == 5_000)
      // The kernel may have had something of its own to say, and on a busy machine no room for all of it.
      let far = report.ports[2]
      #expect(far.rx + far.rxKernelDropped >= 5_000)
      #expect(far.redirect == far.rx)
      #expect(report.entries[0].pass == report.ports[3].tx)
      #expect(
        report.entries[0].pass + report.entries[0].ringDrop + report.entries[0].drop.total == far.rx
      )
      #expect(report.ports[3].tx > 0)
    }

    /// As nobody, who may not even look into a root's folders: hence a copy.
    @Test(
      .enabled(
        if: obstacle == nil || skippingIsFailure, Comment(rawValue: obstacle ?? "it works")))
    func theDemoIsRealWithoutRoot() throws {
      let copy = "/tmp/cpumapd-\(getpid())"
      defer { unsafe unlink(copy) }
      let path = try BuiltProgram("cpumapd").path
      try #require(unsafe system("install -m 755 '\(path)' \(copy)") == 0)
      let demo = try BuiltProgram(at: "/usr/bin/setpriv").start(
        ["--reuid=65534", "--regid=65534", "--clear-groups"]
          + [copy, "demo", "--seconds", "1", "--scenario", "jumbo", "--json"])
      let run = demo.wait()
      #expect(run.status == 0, "\(run.output)")
      let report = try Report(json: try JSON(parsing: Array(run.output.utf8)))
      #expect(report.mode == .packet)
      #expect(report.unaccounted == 0)
      #expect(report.ports[0].rx > 0)
      #expect(report.ports[0].tx == report.entries.reduce(0) { $0 + $1.tx })
    }

    /// Asks the daemon until everything has arrived.
    private func wait(for socket: String) throws {
      for _ in 0..<1_500 {
        Syscalls.Thread.sleep(for: .milliseconds(20))
        guard var client = try? Client(path: socket) else { continue }
        let report = try Report(json: try client.call("stats"))
        guard report.ports.count == 4 else { continue }
        if report.ports[2].rx + report.ports[2].rxKernelDropped >= 5_000 { return }
      }
      Issue.record("The frames did not arrive.")
    }
  }
}
