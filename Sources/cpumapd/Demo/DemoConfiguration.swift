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
  ///   - stage: Where.
  /// - Returns: The YAML text.
  static func text(_ scenario: DemoScenario, on stage: DemoStage) -> String {
    let cpus = workerCPUs
    let first = scenario == .steer ? "count" : "reflect"
    return """
      version: 1
      daemon: {control: /dev/null, park: adaptive}
      memory: \(memory(stage))
      ports:
        - \(port(stage))
      programs:
        count: {kind: swift, type: Count, args: {verdict: drop}}
        reflect: {kind: swift, type: Reflect}
      entries:
        - {name: w1, cpu: \(cpus.0), qsize: 2048, program: \(first)}
        - {name: w2, cpu: \(cpus.1), qsize: 2048, program: reflect}

      """
  }

  private static func port(_ stage: DemoStage) -> String {
    switch stage {
    case .afxdp: "{name: wan, kind: afxdp, device: \(device), queues: [0], mtu: \(mtu)}"
    case .packet: "{name: wan, kind: packet, device: \(device)}"
    case .memory: "{name: wan, kind: memory}"
    }
  }

  private static func memory(_ stage: DemoStage) -> String {
    if case .packet = stage { return "{model: page-pool, frames: 8192}" }
    return "{model: xsk, frame_size: 4096, frames: 8192}"
  }

  /// Two CPUs for the workers, the last ones if there are several.
  private static var workerCPUs: (Int, Int) {
    let cpus = CPUSet.allowed.processors
    let last = cpus.last ?? 0
    return (cpus.count > 2 ? cpus[cpus.count - 2] : last, cpus.count > 2 ? last : cpus.first ?? 0)
  }
}
