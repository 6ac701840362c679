// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl status`: who runs, since when, and what it has done.
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the daemon, its ports and its entries at a glance.")

  @OptionGroup var options: Options

  func run() throws {
    try options.ask { (client) throws(ClientError) in
      let (json, status) = try client.read("status") { (json) throws(JSON.MismatchError) in
        try Status(json: json)
      }
      options.show(json, status.text)
      return .ok
    }
  }
}
