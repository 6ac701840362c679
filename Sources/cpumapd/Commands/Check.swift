// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapd check`: says what is wrong with a configuration file, and what it would do.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Validate a configuration file; touches nothing.",
    discussion: "Exit codes: 0 valid, 66 file cannot be read, 78 invalid.")

  @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
  var file: String

  @Flag(help: "Print the plan: what runs on which CPU, memory, capabilities.")
  var explain = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    do throws(Configuration.LoadError) {
      let (configuration, warnings) = try Configuration.load(file, machine: .current)
      accept(Plan(configuration: configuration), warnings)
    } catch {
      refuse(error)
      throw ExitCode(error.status.rawValue)
    }
  }

  private func accept(_ plan: Plan, _ warnings: DiagnosticList) {
    if json {
      let object: JSON = ["ok": true, "diagnostics": warnings.json, "plan": plan.json]
      Terminal.standardOutput.write("\(object)\n")
      return
    }
    Terminal.standardError.write(warnings.text)
    let count = warnings.diagnostics.count
    let suffix = count == 0 ? "" : ", \(count) warning\(count == 1 ? "" : "s")"
    Terminal.standardOutput.write("\(file.printable): ok\(suffix)\n")
    if explain { Terminal.standardOutput.write("\n" + plan.text) }
  }

  private func refuse(_ error: Configuration.LoadError) {
    guard json, case .invalid(let list) = error else {
      Terminal.standardError.write(error.text)
      return
    }
    let object: JSON = ["ok": false, "diagnostics": list.json, "plan": nil]
    Terminal.standardOutput.write("\(object)\n")
  }
}
