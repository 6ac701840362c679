// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// The daemon's command line.
@main
struct CPUMapDaemon: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpumapd",
    abstract: "CPUMAP in userspace: steers frames by flow to workers on other CPUs.",
    version: Release.version,
    subcommands: [Check.self])
}
