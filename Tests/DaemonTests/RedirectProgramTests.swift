// SPDX-License-Identifier: Apache-2.0

import Control
import Glibc
import Testing

@testable import cpumapd

/// The routes of `on.redirect`, and the program that takes them.
@Suite struct RedirectProgramTests {
  @Test(arguments: [
    (on: "redirect: {gen: out}", sent: 1_000, reason: ""),
    (on: "redirect: {out: gen}", sent: 0, reason: "no_entry"),
  ])
  func aPortsFramesLeaveByThePortThatIsSetForIt(
    on: String, sent: UInt64, reason: String
  ) throws {
    let report = try run(
      """
      version: 1
      memory: {model: page-pool, frames: 2048}
      ports:
        - {name: gen, kind: generator, flows: 8, count: 1000, program: r}
        - {name: out, kind: memory, program: r}
      programs: {r: {kind: swift, type: Redirect}}
      on: {\(on)}
      """)
    #expect(report.ports[0].redirect == sent)
    #expect(report.ports[0].drop[reason] == 1_000 - sent)
    #expect(report.ports[1].tx == sent)
  }

  @Test func anEntrysFramesTakeTheRouteOfThePortThatTheyCameBy() throws {
    let report = try run(
      """
      version: 1
      memory: {model: page-pool, frames: 2048}
      ports:
        - {name: gen, kind: generator, flows: 8, count: 1000}
        - {name: out, kind: memory}
      programs: {r: {kind: swift, type: Redirect, args: {miss: pass}}}
      entries: [{name: w, cpu: 0, qsize: 2048, program: r}]
      on: {redirect: {gen: out}, pass: out}
      """)
    #expect(report.entries[0].redirect == 1_000)
    #expect(report.entries[0].progs == ["r"])
    #expect(report.ports[1].tx == 1_000)
  }

  /// Runs until the generator's thousand packets have come to an end.
  private func run(_ text: String) throws -> Report {
    let configuration = try Configuration.parse(text, fileName: "f.yaml", machine: nil)
      .configuration
    let wiring = try Wiring(configuration) { _ in }
    try wiring.start()
    while true {
      let report = wiring.report(seconds: 0, isQuiet: false)
      if report.ports[0].rx == 1_000, report.entries.allSatisfy({ $0.processed == 1_000 }) { break }
      _ = sched_yield()
    }
    wiring.stop()
    let report = wiring.report(seconds: 0, isQuiet: true)
    #expect(report.unaccounted == 0)
    return report
  }
}

extension Report.Entry {
  fileprivate var progs: [String] { programs.map(\.id) }
}
