// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl port`: what carries frames in and out.
struct PortCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "port", abstract: "Show the ports.", subcommands: [List.self],
    defaultSubcommand: List.self)

  @OptionGroup var options: Options

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the ports.")

    @OptionGroup var options: Options

    func run() throws {
      try options.ask { (client) throws(ClientError) in
        let (json, report) = try client.report()
        options.show(["ports": json["ports"] ?? []], report.portListText)
        return .ok
      }
    }
  }
}
