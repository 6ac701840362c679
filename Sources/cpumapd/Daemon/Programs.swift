// SPDX-License-Identifier: Apache-2.0

import Datapath
import Plugins
import XDPFrame

extension Configuration {
  /// What decides about a port's frames: its own program, or steering over the entries.
  func program(of port: Port, keys: [UInt32]) -> (program: (any Program & Sendable)?, name: String)
  {
    if let name = port.program, let program = program(named: name) {
      return (program.make(), name)
    }
    guard !keys.isEmpty else { return (nil, "pass") }
    return (Steer(keys: keys, map: Datapath.cpuMapNumber), "steer")
  }
}

extension Configuration.Program {
  /// Makes an instance for one entry or port.
  func make() -> any Program & Sendable {
    switch type {
    case .Pass: Pass()
    case .Drop: Drop()
    case .Reflect: Reflect()
    case .Count: Count(verdict: arguments["verdict"] == "drop" ? .drop : .pass)
    }
  }
}
