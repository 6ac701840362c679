// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// What every command takes.
struct Options: ParsableArguments {
  @Option(
    name: [.customShort("s"), .long], help: "The daemon's control socket.", completion: .file())
  var socket = "/run/cpumapd/control.sock"

  @Flag(help: "Print one JSON object.")
  var json = false
}

extension Options {
  /// Connects, runs the body, and turns what goes wrong into a message and an exit code.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait for each answer; a change waits until queues are empty.
  ///   - body: Asks, shows, and answers with what to exit with.
  /// - Throws: The exit code, unless all went well.
  func ask(
    timeout: Duration = .seconds(5),
    _ body: (inout Client) throws(ClientError) -> ExitStatus
  ) throws {
    let status: ExitStatus
    do throws(ClientError) {
      var client = try Client(path: socket, timeout: timeout)
      status = try body(&client)
    } catch {
      Terminal.standardError.write("cpumapctl: \(error)\n")
      status = error.status
    }
    if status != .ok { throw ExitCode(status.rawValue) }
  }

  /// Prints the object or the text, as the user wants it.
  func show(_ json: JSON, _ text: @autoclosure () -> String) {
    Terminal.standardOutput.write(self.json ? "\(json)\n" : text())
  }
}

extension Client {
  /// Calls a method and reads what it answers.
  mutating func read<Answer>(
    _ method: String, _ parameters: JSON = [:], _ read: (JSON) throws(JSON.MismatchError) -> Answer
  ) throws(ClientError) -> (json: JSON, answer: Answer) {
    let json = try call(method, parameters)
    do {
      return (json, try read(json))
    } catch {
      throw .garbled("\(error)")
    }
  }

  /// The daemon's statistics.
  mutating func report() throws(ClientError) -> (json: JSON, answer: Report) {
    try read("stats") { (json) throws(JSON.MismatchError) in try Report(json: json) }
  }
}
