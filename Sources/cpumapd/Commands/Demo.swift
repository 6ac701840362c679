// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Logging
import ServiceLifecycle
import Syscalls
import UnixSignals

/// `cpumapd demo`: real interfaces, two workers, the ledger at the end.
struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the daemon at work, on interfaces made for it or in memory.",
    discussion: "Exit codes: 0 the ledger balances, 2 set-up failed, 3 it does not.")

  @Option(help: "What to show: steer or jumbo.")
  var scenario = DemoScenario.steer

  @Option(help: "How long, in seconds.")
  var seconds = 5.0

  @Option(help: "Frames a second that are sent over the cable.")
  var rate = 20_000

  @Flag(help: "Print one JSON object at the end, and nothing else on standard output.")
  var json = false

  func validate() throws {
    guard seconds > 0, seconds <= 86_400 else {
      throw ValidationError("--seconds is more than 0 and at most 86400")
    }
    guard (1...10_000_000).contains(rate) else {
      throw ValidationError("--rate is 1 to 10000000")
    }
  }

  func run() async throws {
    let terminal = json ? Terminal.standardError : Terminal.standardOutput
    let show = DemoShow(
      stage: .choose(), scenario: scenario, seconds: seconds, rate: rate, terminal: terminal)
    let quiet = Logger(label: "lifecycle") {
      LineLogHandler(label: $0, format: .text, level: .critical)
    }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [.init(service: show, successTerminationBehavior: .gracefullyShutdownGroup)],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
    do {
      try await group.run()
    } catch let error as SetUpError {
      Terminal.standardError.write("cpumapd: \(error)\n")
      throw ExitCode(error.status.rawValue)
    }
    try Ledger.close(show.last.report, json: json)
  }
}

extension DemoScenario: ExpressibleByArgument {}
