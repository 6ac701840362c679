// SPDX-License-Identifier: Apache-2.0

import Plugins
import XDPFrame

/// What decides about frames; `Configuration.Program` is only its description.
typealias AnyProgram = any XDPFrame.Program & Sendable

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
