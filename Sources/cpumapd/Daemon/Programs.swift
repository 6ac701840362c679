// SPDX-License-Identifier: Apache-2.0

import Datapath
import Plugins
import XDPFrame

/// What decides about frames; `Configuration.Program` is only its description.
typealias AnyProgram = any XDPFrame.Program & Sendable

extension Configuration {
  /// What decides about a port's frames: its own program, or steering over the entries.
  func decider(of port: Port, keys: [UInt32]) -> (program: AnyProgram?, name: String) {
    if let name = port.program, let program = program(named: name) {
      return (program.make(), name)
    }
    guard !keys.isEmpty else { return (nil, "pass") }
    return (Steer(keys: keys, map: Datapath.cpuMapNumber), "steer")
  }
}

extension Configuration.Program {
  /// Makes an instance for one entry or port.
  func make() -> AnyProgram {
    switch type {
    case .Pass: Pass()
    case .Drop: Drop()
    case .Reflect: Reflect()
    case .Count: Count(verdict: arguments["verdict"] == "drop" ? .drop : .pass)
    }
  }
}
