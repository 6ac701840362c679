// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The daemon's command line.
@main
struct CPUMapDaemon: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpumapd",
    abstract: "CPUMAP in userspace: steers frames by flow to workers on other CPUs.",
    subcommands: [Check.self])
}
