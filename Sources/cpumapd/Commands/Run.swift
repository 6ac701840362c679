// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Logging
import ServiceLifecycle
import Synchronization
import Syscalls
import UnixSignals

/// `cpumapd run`: the daemon, in the foreground.
struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the daemon in the foreground.",
    discussion: """
      Exit codes: 0 stopped by SIGTERM or SIGINT with a balanced ledger, 2 set-up failed, 3 the ledger does not \
      balance, 66 no configuration file, 77 a capability is missing, 78 configuration.
      """)

  @Option(name: [.short, .long], help: "The configuration file.", completion: .file())
  var config: String

  @Option(help: "The control socket; overrides the configuration.")
  var control: String?

  @Option(help: "Where state is kept between runs; made if missing.")
  var stateDir: String?

  @Option(help: "How to log: text, json or journal.")
  var logFormat = LogFormat.text

  @Flag(help: "Print one JSON object at the end.")
  var json = false

  func run() async throws {
    let configuration = try load()
    LoggingSystem.bootstrap { LineLogHandler(label: $0, format: logFormat) }
    let logger = Logger(label: "cpumapd")
    let wiring: Wiring
    do throws(SetUpError) {
      wiring = try Wiring(configuration, warn: { logger.warning("\($0)") }) {
        try configuration.giveUpPrivileges()
      }
    } catch {
      Terminal.standardError.write("cpumapd: \(error)\n")
      throw ExitCode(error.status.rawValue)
    }
    let last = LastReport()
    let daemon = Daemon(
      wiring: wiring, controlPath: control ?? configuration.daemon.control,
      configurationPath: config, machine: .current, logger: logger
    ) { last.keep($0) }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [.init(service: daemon)], gracefulShutdownSignals: [.sigterm, .sigint],
        logger: Logger(label: "lifecycle") {
          LineLogHandler(label: $0, format: logFormat, level: .error)
        }))
    do {
      try await group.run()
    } catch let error as SetUpError {
      wiring.stop()
      Terminal.standardError.write("cpumapd: \(error)\n")
      throw ExitCode(error.status.rawValue)
    }
    try Ledger.close(last.report, json: json)
  }

  private func load() throws -> Configuration {
    do throws(Configuration.LoadError) {
      let (configuration, warnings) = try Configuration.load(config, machine: .current)
      Terminal.standardError.write(warnings.text)
      return configuration
    } catch {
      Terminal.standardError.write(error.text)
      throw ExitCode(error.status.rawValue)
    }
  }
}

/// Holds the report that the daemon leaves when it ends.
final class LastReport: Sendable {
  private let kept = Mutex<Report?>(nil)

  func keep(_ report: Report) { kept.withLock { $0 = report } }
  var report: Report? { kept.withLock { $0 } }
}

/// The end of every run: what the books say, and whether they balance.
enum Ledger {
  /// Prints the last report and answers with the exit code.
  static func close(_ report: Report?, json: Bool) throws {
    guard let report else { throw ExitCode(ExitStatus.internal.rawValue) }
    if json { Terminal.standardOutput.write("\(report.json)\n") }
    let violations = report.lawViolations()
    for violation in violations {
      Terminal.standardError.write("cpumapd: \(violation)\n")
    }
    guard violations.isEmpty else { throw ExitCode(ExitStatus.ledgerUnbalanced.rawValue) }
  }
}
