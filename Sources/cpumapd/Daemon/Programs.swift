// SPDX-License-Identifier: Apache-2.0

import Plugins
import Ports
import XDPFrame

/// What decides about frames; `Configuration.Program` is only its description.
typealias AnyProgram = any XDPFrame.Program & Sendable

extension Configuration {
  /// Puts a program on the transmit side of every queue of a TAP.
  func install(
    _ name: String, beforeReadersOf port: any XDPFrame.Port, _ objects: ObjectLoader
  ) throws(PluginError) {
    guard let tap = port as? TAPPort, let program = program(named: name) else { return }
    for queue in 0..<tap.queueCount {
      tap.setTransmitProgram(try program.make(objects), queue: queue)
    }
  }
}

extension Configuration.Program {
  /// Makes an instance for one entry, or one queue of a port.
  ///
  /// - Parameters:
  ///   - objects: Where eBPF programs find their maps.
  ///   - processor: The CPU that it is to run on, if that is known.
  /// - Returns: The instance.
  /// - Throws: ``PluginError`` that says why it cannot be had.
  func make(_ objects: ObjectLoader, processor: Int? = nil) throws(PluginError) -> AnyProgram {
    switch kind {
    case .swift(let type): try Configuration.programTable.make(type, tableArguments)
    case .sharedObject(let file, let arguments):
      try PluginProgram(try Plugin(path: file), arguments: arguments)
    case .object(let object): try objects.make(self, object, processor: processor)
    }
  }
}
