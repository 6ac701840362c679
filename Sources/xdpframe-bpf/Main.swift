// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import EBPF

/// The command line of xdpframe-bpf: eBPF programs in the sandbox, by hand.
@main
struct BPFCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "xdpframe-bpf",
    abstract: "Run eBPF programs in a sandbox.",
    subcommands: [RunCommand.self, ListCommand.self, ConformanceCommand.self])
}

extension Engine: ExpressibleByArgument {}
