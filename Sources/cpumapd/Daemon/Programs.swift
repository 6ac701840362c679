// SPDX-License-Identifier: Apache-2.0

import Datapath
import Plugins
import XDPFrame

/// What decides about frames; `Configuration.Program` is only its description.
typealias AnyProgram = any XDPFrame.Program & Sendable

extension Configuration {
  /// What decides about a port's frames: its own program, or steering over the entries.
  ///
  /// Each call makes an instance of its own: a program is run by one thread at a time.
  func decider(
    of port: Port, keys: [UInt32]
  ) throws(PluginError) -> (program: AnyProgram?, name: String) {
    if let name = port.program, let program = program(named: name) {
      return (try program.make(), name)
    }
    guard !keys.isEmpty else { return (nil, "pass") }
    return (Steer(keys: keys, map: Datapath.cpuMapNumber), "steer")
  }
}

extension Configuration.Program {
  /// Makes an instance for one entry, or one queue of a port.
  func make() throws(PluginError) -> AnyProgram {
    switch kind {
    case .swift(let type): try Configuration.programTable.make(type, tableArguments)
    case .sharedObject(let file, let arguments):
      try PluginProgram(try Plugin(path: file), arguments: arguments)
    }
  }
}
