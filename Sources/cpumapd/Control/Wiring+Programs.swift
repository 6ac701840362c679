// SPDX-License-Identifier: Apache-2.0

import Control

extension Wiring {
  /// The programs that can be run, and who runs which version of them.
  var programList: JSON {
    let state = current
    return [
      "generation": JSON(state.generation),
      "programs": .array(state.configuration.programs.map { state.json(of: $0) }),
    ]
  }
}

extension Wiring.State {
  fileprivate func json(of program: Configuration.Program) -> JSON {
    let runners = configuration.entries.compactMap { entry -> JSON? in
      guard let running = entries[entry.name]?.program, running.definition.name == program.name
      else { return nil }
      return [
        "entry": .string(entry.name), "version": JSON(running.version),
        "current": .boolean(running.definition == program),
      ]
    }
    let ports = configuration.ports.filter { $0.program == program.name }
    return [
      "id": .string(program.name), "kind": .string(program.kindName),
      "origin": .string(program.origin), "revision": .integer(program.revision),
      "entries": .array(runners), "ports": .array(ports.map { .string($0.name) }),
    ]
  }
}
