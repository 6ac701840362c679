// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// The command line of cpumapctl: asks a running cpumapd.
@main
struct CPUMapControl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpumapctl",
    abstract: "Look into a running cpumapd, and change it while frames flow.",
    discussion: """
      Exit codes: 0 ok, 1 the daemon said no, 3 the ledger does not balance, 64 usage, \
      69 the daemon cannot be reached.
      """,
    version: Release.version,
    groupedSubcommands: [
      CommandGroup(
        name: "Look",
        subcommands: [
          StatusCommand.self, StatsCommand.self, FramesCommand.self, DropsCommand.self,
          TopCommand.self, WhichCommand.self,
        ]),
      CommandGroup(
        name: "Look and change",
        subcommands: [
          EntryCommand.self, ProgramCommand.self, PortCommand.self, ReloadCommand.self,
        ]),
    ])

  @OptionGroup var options: Options
}
