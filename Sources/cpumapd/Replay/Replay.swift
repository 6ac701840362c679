// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Ports

/// `cpumapd replay`: what a configuration does with the packets of a capture, offline.
struct Replay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a configuration over a capture file; no interfaces, no privileges.",
    discussion: """
      Every packet goes through the same programs, maps and ports as in the daemon, one at a time and on one thread, \
      so the same input gives the same output. Nothing is opened but the files named here.

      Exit codes: 0 the ledger balances, 2 set-up failed, 3 the ledger does not balance, 64 usage, 65 the capture is \
      damaged (what stands in front of the damage was replayed), 66 a file cannot be read, 74 the output cannot be \
      written, 78 configuration.
      """)

  @Argument(
    help: "The capture, pcap or pcapng.", completion: .file(extensions: ["pcap", "pcapng"]))
  var input: String

  @Option(name: [.short, .long], help: "The configuration file.", completion: .file())
  var config: String

  @Option(help: "Write each packet with its verdicts and reasons to this file, pcapng.")
  var out: String?

  @Option(
    name: .customLong("report"),
    help: "Write report.md and report.json into this folder; made if missing.")
  var reportFolder: String?

  @Option(
    help: """
      The port that receives the packets of interfaces which no port has the name of; the first if not given.
      """)
  var port: String?

  @Flag(help: "Print one JSON object at the end, and nothing else on standard output.")
  var json = false

  func run() throws {
    let session = try open(try load())
    let failure = play(session)
    let books = session.close()
    // What could not be written at the end is the same trouble as before, if there was some.
    try end(books, failure ?? books.fault)
  }

  private func open(_ configuration: Configuration) throws -> ReplaySession {
    do throws(ReplayError) {
      return try ReplaySession(
        configuration, input: input, output: out, port: try receiver(in: configuration)
      ) { Terminal.standardError.write("cpumapd: \($0)\n") }
    } catch {
      throw report(error)
    }
  }

  /// Replays the capture; answers what kept it from its end.
  private func play(_ session: ReplaySession) -> ReplayError? {
    var progress = ReplayProgress(.standardError)
    defer { progress.end() }
    do throws(ReplayError) {
      try session.run { progress.show($0) }
      return nil
    } catch {
      return error
    }
  }

  /// Prints the books; exits with what went wrong first: the capture or the output, then the ledger.
  private func end(_ books: ReplayBooks, _ failure: ReplayError?) throws {
    let exit = failure.map { report($0) }
    Terminal.standardOutput.write(json ? "\(books.json)\n" : books.text)
    for violation in books.violations {
      Terminal.standardError.write("cpumapd: \(violation)\n")
    }
    do throws(ReplayError) {
      if let folder = reportFolder { try ReplayReport(books).write(to: folder) }
    } catch {
      throw exit ?? report(error)
    }
    if let exit { throw exit }
    if !books.violations.isEmpty { throw ExitCode(ExitStatus.ledgerUnbalanced.rawValue) }
  }

  private func load() throws -> Configuration {
    do throws(Configuration.LoadError) {
      // The CPUs of another machine are as good as those of this one: none is used.
      let (configuration, warnings) = try Configuration.load(config, machine: nil)
      Terminal.standardError.write(warnings.text)
      return configuration
    } catch {
      Terminal.standardError.write(error.text)
      throw ExitCode(error.status.rawValue)
    }
  }

  private func receiver(in configuration: Configuration) throws(ReplayError) -> Int {
    guard let port else { return 0 }
    let names = configuration.ports.map(\.name)
    if let number = names.firstIndex(of: port) { return number }
    let suggestion = Suggestion.phrase(for: port, among: names)
    throw ReplayError(
      "no port is named \"\(port.excerpt)\"\(suggestion.isEmpty ? ": \(names)" : suggestion)",
      status: .usage)
  }

  /// Says what is wrong; answers what to exit with.
  private func report(_ error: ReplayError) -> ExitCode {
    Terminal.standardError.write("cpumapd: \(error)\n")
    return ExitCode(error.status.rawValue)
  }
}

/// Why a replay did not begin, or did not come to its end.
struct ReplayError: Error, CustomStringConvertible {
  let description: String
  /// What the process exits with.
  let status: ExitStatus

  init(_ description: String, status: ExitStatus) {
    self.description = description
    self.status = status
  }

  init(_ error: CaptureFileError) {
    if case .unreadable = error {
      self.init(error.description, status: .noInput)
    } else {
      self.init(error.description, status: .badInput)
    }
  }
}
