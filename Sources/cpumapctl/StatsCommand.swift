// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl stats`: every counter.
struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Show every counter.")

  @OptionGroup var options: Options

  @Option(help: "Show one port in the words of ethtool -S.")
  var ethtool: String?

  func run() throws {
    try options.ask { (client) throws(ClientError) in
      let (json, report) = try client.report()
      guard let ethtool else {
        options.show(json, report.statisticsText)
        return .ok
      }
      guard let port = report.ports.first(where: { $0.name == ethtool }) else {
        let names = report.ports.map(\.name).joined(separator: ", ")
        Terminal.standardError.write(
          "cpumapctl: no port is named \"\(ethtool)\"; there are: \(names)".printable + "\n")
        return .refused
      }
      options.show(port.ethtool.json, port.ethtool.text)
      return .ok
    }
  }
}
