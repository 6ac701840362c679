// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl drops`: who dropped how many frames, and why.
struct DropsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drops", abstract: "Show who dropped how many frames, and why.")

  @OptionGroup var options: Options

  func run() throws {
    try options.ask { (client) throws(ClientError) in
      let drops = Drops(try client.report().answer)
      options.show(drops.json, drops.text)
      return .ok
    }
  }
}
