// SPDX-License-Identifier: Apache-2.0

import Control
import Glibc
import Testing

@testable import cpumapd

/// Programs out of shared objects, as a file names them.
@Suite struct SharedObjectTests {
  @Test func aFileMayNameASharedObjectAndTellItSomething() throws {
    let configuration = try parse("{kind: so, file: /opt/nat.so, args: pool=203.0.113.0/24}")
    #expect(
      configuration.programs.map(\.kind) == [
        .sharedObject(file: "/opt/nat.so", arguments: "pool=203.0.113.0/24")
      ])
    #expect(Plan(configuration: configuration).text.contains("program p (/opt/nat.so)"))
  }

  @Test func aDaemonRunsItOnPortsAndEntries() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let object = "/\(root)/.build/plugins/daemon_no_echo.so"
    let source = "'/\(root)/Examples/Plugins/no_echo.c'"
    try #require(
      unsafe system("'/\(root)/scripts/build-plugin' \(source) daemon_no_echo >/dev/null") == 0)
    let configuration = try parse("{kind: so, file: \(object)}")
    let wiring = try Wiring(configuration) { _ in }
    try wiring.start()
    while wiring.report(seconds: 0, isQuiet: false).entries.allSatisfy({ $0.processed < 1_000 }) {
      _ = sched_yield()
    }
    wiring.stop()
    let report = wiring.report(seconds: 0, isQuiet: true)
    #expect(report.unaccounted == 0)
    #expect(report.entries[0].processed == 1_000)
    // Nothing says where a pass leads.
    #expect(report.entries[0].drop.total == 1_000)
    #expect(report.entries[0].programs.map(\.kind) == ["so"])
  }

  @Test func aSharedObjectThatIsMissingStopsTheSetUpAndSaysWhich() throws {
    let configuration = try parse("{kind: so, file: /no/such.so}")
    let error = #expect(throws: SetUpError.self) { _ = try Wiring(configuration) { _ in } }
    #expect(error?.description.contains("plugin /no/such.so: ") == true)
  }

  private func parse(_ program: String) throws -> Configuration {
    try Configuration.parse(
      """
      version: 1
      memory: {model: page-pool, frames: 2048}
      ports: [{name: gen, kind: generator, flows: 8, count: 1000}]
      programs: {p: \(program)}
      entries: [{name: w, cpu: 0, qsize: 2048, program: p}]
      """, fileName: "f.yaml", machine: nil
    ).configuration
  }
}
