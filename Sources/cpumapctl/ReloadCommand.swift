// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `cpumapctl reload`: makes the configuration file what runs.
struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload", abstract: "Make the daemon read its configuration file again.",
    discussion: """
      All of what changed is applied as one generation, while frames flow; where anything is \
      wrong, everything stays as it is.
      """)

  @OptionGroup var options: Options
  @OptionGroup var change: ChangeOptions

  @Flag(help: "Only show what would change.")
  var dryRun = false

  func run() throws {
    if dryRun {
      try options.ask { (client) throws(ClientError) in
        let (json, result) = try client.read("reload", ["dry_run": true]) {
          (json) throws(JSON.MismatchError) in try ChangeResult(json: json)
        }
        options.show(json, result.trialText)
        return .ok
      }
    } else {
      try change.request("reload", [:], options)
    }
  }
}
