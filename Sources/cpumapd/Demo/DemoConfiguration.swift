// SPDX-License-Identifier: Apache-2.0

import Syscalls

/// What the demo shows.
enum DemoScenario: String, CaseIterable, Sendable {
  /// Flows of mixed lengths, spread over two workers with different programs.
  case steer
  /// Frames of 9000 octets, in chains, sent back whole.
  case jumbo

  /// The lengths that are sent, Ethernet header included, in octets.
  var byteCounts: [Int] {
    switch self {
    case .steer: [64, 128, 512, 1_514, 4_000, 9_000]
    case .jumbo: [9_000]
    }
  }
}

/// The demo's configuration, as an operator would write it.
enum DemoConfiguration {
  /// The name of the interface that the daemon serves.
  static let device = "demo0"
  /// The MTU of the cable: 9,000 octets and their Ethernet header fit.
  static let mtu = 9_000

  /// The file for a scenario.
  ///
  /// - Parameters:
  ///   - scenario: What to show.
  ///   - port: The lines that describe the port `wan`.
  /// - Returns: The YAML text.
  static func text(_ scenario: DemoScenario, port: String) -> String {
    let cpus = workerCPUs
    let first = scenario == .steer ? "count" : "reflect"
    return """
      version: 1
      daemon: {control: /dev/null, park: adaptive}
      memory: {model: xsk, frame_size: 4096, frames: 8192}
      ports:
        - \(port)
      programs:
        count: {kind: swift, type: Count, args: {verdict: drop}}
        reflect: {kind: swift, type: Reflect}
      entries:
        - {name: w1, cpu: \(cpus.0), qsize: 2048, program: \(first)}
        - {name: w2, cpu: \(cpus.1), qsize: 2048, program: reflect}

      """
  }

  /// The port of the real thing.
  static var afxdpPort: String {
    "{name: wan, kind: afxdp, device: \(device), queues: [0], mtu: \(mtu)}"
  }

  /// The port of the show in memory.
  static let memoryPort = "{name: wan, kind: memory}"

  /// Two CPUs for the workers, the last ones if there are several.
  private static var workerCPUs: (Int, Int) {
    let cpus = CPUSet.allowed.processors
    let last = cpus.last ?? 0
    return (cpus.count > 2 ? cpus[cpus.count - 2] : last, cpus.count > 2 ? last : cpus.first ?? 0)
  }
}
