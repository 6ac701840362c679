// SPDX-License-Identifier: Apache-2.0

import Control

/// The changes that an operator asks for: each turns the configuration that runs into another.
struct Operations: Sendable {
  let wiring: Wiring
  let configurationPath: String
  /// The CPUs of this process: the threads that ask have fewer.
  let machine: Machine?

  typealias Operation = @Sendable (Parameters) throws(ControlError) -> Edited

  /// All of them, by the name of the method.
  var byName: [String: Operation] {
    [
      "entry.add": addEntry, "entry.rm": removeEntry, "entry.set": setEntry,
      "entry.drain": drainEntry, "prog.load": loadProgram, "prog.swap": swapProgram,
      "prog.rollback": rollBack, "reload": reload,
    ]
  }

  private func change(
    _ parameters: Parameters, _ edit: (Wiring.State) throws(ControlError) -> Edit
  ) throws(ControlError) -> Edited {
    try wiring.change(ifGeneration: parameters.expectedGeneration) { (state) throws(ControlError) in
      try edit(state)
    }
  }
}

// MARK: - Entries

extension Operations {
  // `entry.add {"entry": {"name": "w3", "cpu": 3, "program": "nat"}, "unsteered": false}`
  private func addEntry(_ parameters: Parameters) throws(ControlError) -> Edited {
    let isSteered = try !parameters.flag("unsteered")
    return try change(parameters) { (state) throws(ControlError) in
      let definition = parameters.json["entry"] ?? [:]
      let entry = try Configuration.entry(definition, machine: machine)
      var configuration = state.configuration
      // Steering that names nobody reaches everybody, the new one included.
      if !isSteered { configuration.nameSteeredEntries() }
      configuration.entries.append(entry)
      if isSteered, !configuration.steering.entries.isEmpty {
        configuration.steering.entries.append(entry.name)
      }
      return Edit(configuration: configuration)
    }
  }

  private func removeEntry(_ parameters: Parameters) throws(ControlError) -> Edited {
    try change(parameters) { (state) throws(ControlError) in
      let name = try entryName(parameters, state)
      var configuration = state.configuration
      configuration.entries.removeAll { $0.name == name }
      if !configuration.steering.entries.isEmpty { try configuration.stopSteering(to: name) }
      return Edit(configuration: configuration)
    }
  }

  // `entry.set {"entry": "w1", "set": {"qsize": 4096}}`
  private func setEntry(_ parameters: Parameters) throws(ControlError) -> Edited {
    try change(parameters) { (state) throws(ControlError) in
      let name = try entryName(parameters, state)
      var configuration = state.configuration
      guard let index = configuration.entries.firstIndex(where: { $0.name == name }) else {
        throw unknownEntry(name, state)
      }
      var definition = configuration.entries[index].definition
      guard case .object(let changes) = parameters.json["set"] ?? [:] else {
        throw .invalidChange("set must be an object")
      }
      for member in changes.members where member.name != "name" {
        definition[member.name] = member.value
      }
      configuration.entries[index] = try Configuration.entry(
        .object(definition), machine: machine)
      return Edit(configuration: configuration)
    }
  }

  // `entry.drain {"entry": "w1"}`, and the way back with `"undo": true`.
  private func drainEntry(_ parameters: Parameters) throws(ControlError) -> Edited {
    let isUndone = try parameters.flag("undo")
    return try change(parameters) { (state) throws(ControlError) in
      let name = try entryName(parameters, state)
      var configuration = state.configuration
      if isUndone, !state.isSteered(name) {
        configuration.steering.entries.append(name)
      } else if !isUndone {
        try configuration.stopSteering(to: name)
      }
      return Edit(configuration: configuration)
    }
  }

  private func entryName(
    _ parameters: Parameters, _ state: Wiring.State
  ) throws(ControlError) -> String {
    let name = try parameters.text("entry")
    guard state.entries[name] != nil else { throw unknownEntry(name, state) }
    return name
  }

  private func unknownEntry(_ name: String, _ state: Wiring.State) -> ControlError {
    .unknown("entry", name, among: state.configuration.entries.map(\.name))
  }
}

// MARK: - Programs

extension Operations {
  // `prog.load {"name": "nat", "definition": {"kind": "so", "file": "/usr/lib/nat.so"}}`
  //
  // Nobody runs it before it is swapped in; that it can be made is tried at once.
  private func loadProgram(_ parameters: Parameters) throws(ControlError) -> Edited {
    let name = try parameters.text("name")
    let definition = parameters.json["definition"] ?? [:]
    return try change(parameters) { (state) throws(ControlError) in
      var program = try Configuration.program(name, definition, machine: machine)
      var configuration = state.configuration
      let index = configuration.programs.firstIndex { $0.name == name }
      if let index { program.revision = configuration.programs[index].revision + 1 }
      do {
        _ = try program.make(state.objects)
      } catch {
        throw .programRefused("\(error)")
      }
      if let index {
        configuration.programs[index] = program
      } else {
        configuration.programs.append(program)
      }
      return Edit(configuration: configuration)
    }
  }

  // `prog.swap {"entry": "w1", "program": "nat"}`; also what an entry runs that was loaded anew.
  private func swapProgram(_ parameters: Parameters) throws(ControlError) -> Edited {
    try change(parameters) { (state) throws(ControlError) in
      let name = try entryName(parameters, state)
      let program = try parameters.text("program")
      var configuration = state.configuration
      guard configuration.program(named: program) != nil else {
        throw .unknown("program", program, among: configuration.programs.map(\.name))
      }
      configuration.setProgram(program, of: name)
      return Edit(configuration: configuration, renewal: .entry(name))
    }
  }

  private func rollBack(_ parameters: Parameters) throws(ControlError) -> Edited {
    try change(parameters) { (state) throws(ControlError) in
      let name = try entryName(parameters, state)
      guard let former = state.entries[name]?.former else { throw .nothingToRollBack(name) }
      var configuration = state.configuration
      configuration.setProgram(former.definition.name, of: name)
      return Edit(configuration: configuration, rollback: name)
    }
  }
}

// MARK: - Everything

extension Operations {
  /// Reads the configuration file again; with `"dry_run": true` only says what would change.
  private func reload(_ parameters: Parameters) throws(ControlError) -> Edited {
    let isTrial = try parameters.flag("dry_run")
    let wanted = try read()
    if isTrial {
      let state = wiring.current
      let lines = Difference(from: state.configuration, to: wanted).lines
      return Edited(generation: state.generation, lines: lines, isTrial: true)
    }
    return try change(parameters) { _ in Edit(configuration: wanted, renewal: .described) }
  }

  /// Reads the file again and makes it the configuration that runs.
  func reload() throws(ControlError) -> Edited { try reload(Parameters([:])) }

  private func read() throws(ControlError) -> Configuration {
    do throws(Configuration.LoadError) {
      return try Configuration.load(configurationPath, machine: machine).configuration
    } catch {
      let lines = error.text.split(separator: "\n", maxSplits: 1)
      throw .invalidChange(
        lines.first.map(String.init) ?? configurationPath,
        fix: "cpumapd check \(configurationPath)")
    }
  }
}

extension Configuration {
  /// Writes out whom steering reaches, where it reaches everybody.
  fileprivate mutating func nameSteeredEntries() {
    if steering.entries.isEmpty { steering.entries = entries.map(\.name) }
  }

  /// Takes an entry out of steering.
  ///
  /// - Throws: ``ControlError`` where steering would reach nobody: an empty list stands for everybody.
  fileprivate mutating func stopSteering(to name: String) throws(ControlError) {
    nameSteeredEntries()
    guard steering.entries.contains(name) else { return }
    steering.entries.removeAll { $0 == name }
    if steering.entries.isEmpty {
      throw .invalidChange(
        "entry \(name) is the last one that steering reaches", fix: "add another entry first")
    }
  }

  fileprivate mutating func setProgram(_ program: String, of entry: String) {
    guard let index = entries.firstIndex(where: { $0.name == entry }) else { return }
    entries[index].program = program
  }
}

extension Configuration.Entry {
  /// The entry as it would stand in the file.
  fileprivate var definition: JSON.Object {
    var object: JSON.Object = [
      "name": .string(name), "cpu": .integer(cpu), "qsize": .integer(queueSize),
    ]
    object["program"] = program.map(JSON.string)
    return object
  }
}
