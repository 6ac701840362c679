// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// The daemon's command line.
@main
struct CPUMapDaemon: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpumapd",
    abstract: "CPUMAP in userspace: steers frames by flow to workers on other CPUs.",
    version: Release.version,
    subcommands: [Run.self, Check.self, Doctor.self, Demo.self, Replay.self])
}
