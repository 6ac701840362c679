// SPDX-License-Identifier: Apache-2.0

import Control
import Datapath
import Plugins
import XDPFrame

extension Wiring {
  /// What runs now: the configuration, and what was made of it.
  struct State: Sendable {
    var configuration: Configuration
    /// Where eBPF programs find their maps.
    let objects: ObjectLoader
    /// 1 at the start, one more with every change.
    var generation: UInt64 = 1
    /// The entries by name.
    var entries: [String: Installed] = [:]
    /// What decides about the frames of each port, by its name, for each of its queues.
    var deciders: [String: [Decider]] = [:]
  }

  /// An entry that runs.
  struct Installed: Sendable {
    /// Its key in the CPU map; that of a new entry is the lowest free one.
    var key: UInt32
    var program: Running?
    /// What it ran before, kept as it was, so that going back needs no file.
    var former: Running?
  }

  /// A program that an entry runs.
  struct Running: Sendable {
    let definition: Configuration.Program
    let instance: AnyProgram
    /// Counts the programs that the entry has run.
    var version: UInt64
  }

  /// What decides about the frames of one queue.
  struct Decider: Sendable {
    let program: AnyProgram?
    let name: String
    /// What it was made of; nil for steering.
    let definition: Configuration.Program?
    /// The keys that it steers to; empty for a program of the port's own.
    let keys: [UInt32]
    /// Whether the loop runs it already.
    var isInstalled = false

    fileprivate var installed: Self {
      var decider = self
      decider.isInstalled = true
      return decider
    }
  }
}

extension Wiring.State {
  /// What everything runs at first.
  static func first(
    _ configuration: Configuration, _ objects: ObjectLoader, queueCounts: [String: Int]
  ) throws(PluginError) -> Wiring.State {
    var state = Wiring.State(configuration: configuration, objects: objects)
    for (key, entry) in configuration.entries.enumerated() {
      let program = try entry.program.flatMap(configuration.program(named:))?.running(
        version: 1, objects, processor: entry.cpu)
      state.entries[entry.name] = Wiring.Installed(key: UInt32(key), program: program)
    }
    for port in configuration.ports {
      state.deciders[port.name] = try state.makeDeciders(of: port, queueCounts[port.name] ?? 0)
    }
    return state
  }

  /// What everything runs after an edit, and the entries that are made anew for it.
  ///
  /// When steering changes, every entry that it reaches or reached is: flows move between them, and only a new entry
  /// waits for the queues of all old ones. A program that stays goes along as it is.
  func next(_ edit: Edit) throws(ControlError) -> (Wiring.State, Set<String>) {
    do throws(PluginError) {
      var after = self
      after.generation += 1
      after.configuration = edit.configuration
      var replaced = try after.takeEntries(edit, from: self)
      try after.takeDeciders(edit, from: self)
      if after.keys != keys || after.deciders.values.joined().contains(where: { !$0.isInstalled }) {
        let steered = configuration.steeredEntries + edit.configuration.steeredEntries
        replaced.formUnion(steered.map(\.name).filter { after.entries[$0] != nil })
      }
      return (after, replaced)
    } catch {
      throw .programRefused("\(error)")
    }
  }

  /// Whether steering sends frames to the entry.
  func isSteered(_ name: String) -> Bool {
    configuration.steeredEntries.contains { $0.name == name }
  }

  /// Notes that the loops run what decides.
  mutating func markInstalled() {
    deciders = deciders.mapValues { $0.map { $0.installed } }
  }

  /// The keys that steering chooses from.
  private var keys: [UInt32] { configuration.steeredEntries.compactMap { entries[$0.name]?.key } }

  private mutating func takeEntries(
    _ edit: Edit, from before: Wiring.State
  ) throws(PluginError) -> Set<String> {
    var replaced: Set<String> = []
    for name in before.entries.keys where configuration.entry(named: name) == nil {
      entries[name] = nil
    }
    for entry in configuration.entries {
      let old = before.entries[entry.name]
      var installed = old ?? Wiring.Installed(key: freeKey)
      if try installed.take(entry, edit, objects)
        || before.configuration.entry(named: entry.name) != entry
      {
        replaced.insert(entry.name)
      }
      entries[entry.name] = installed
    }
    return replaced
  }

  private var freeKey: UInt32 {
    let taken = Set(entries.values.map(\.key))
    return (0...UInt32(taken.count)).first { !taken.contains($0) } ?? 0
  }

  private mutating func takeDeciders(_ edit: Edit, from before: Wiring.State) throws(PluginError) {
    for port in configuration.ports {
      let old = before.deciders[port.name] ?? []
      let wanted = port.program.flatMap(configuration.program(named:))
      let isSame = old.allSatisfy { decider in
        guard let wanted else { return decider.definition == nil && decider.keys == keys }
        return switch edit.renewal {
        case .described: decider.definition == wanted
        default: decider.definition?.name == wanted.name
        }
      }
      if !isSame { deciders[port.name] = try makeDeciders(of: port, old.count) }
    }
  }

  /// Each queue has an instance of its own: a program is run by one thread at a time.
  private func makeDeciders(
    of port: Configuration.Port, _ queueCount: Int
  ) throws(PluginError) -> [Wiring.Decider] {
    var made: [Wiring.Decider] = []
    for _ in 0..<queueCount {
      if let definition = port.program.flatMap(configuration.program(named:)) {
        made.append(
          Wiring.Decider(
            program: try definition.make(objects), name: definition.name, definition: definition,
            keys: [])
        )
      } else {
        let steer = keys.isEmpty ? nil : Steer(keys: keys, map: Datapath.cpuMapNumber)
        made.append(
          Wiring.Decider(
            program: steer, name: steer == nil ? "pass" : "steer", definition: nil, keys: keys))
      }
    }
    return made
  }
}

extension Wiring.Installed {
  /// Makes the program that the entry is to run, unless it runs it; says whether it has changed.
  fileprivate mutating func take(
    _ entry: Configuration.Entry, _ edit: Edit, _ objects: ObjectLoader
  ) throws(PluginError) -> Bool {
    if edit.rollback == entry.name, let former {
      let next = (program?.version ?? 0) + 1
      (program, self.former) = (former.numbered(next), program)
      return true
    }
    let wanted = entry.program.flatMap(edit.configuration.program(named:))
    guard !isRunning(wanted, entry.name, edit.renewal) else { return false }
    let next = (program?.version ?? 0) + 1
    let running = try wanted?.running(version: next, objects, processor: entry.cpu)
    if program != nil { former = program }
    program = running
    return true
  }

  private func isRunning(
    _ wanted: Configuration.Program?, _ entry: String, _ renewal: Edit.Renewal
  ) -> Bool {
    switch renewal {
    case .entry(entry): false
    case .described: program?.definition == wanted
    case .none, .entry: program?.definition.name == wanted?.name
    }
  }
}

extension Wiring.Running {
  fileprivate func numbered(_ version: UInt64) -> Self {
    var running = self
    running.version = version
    return running
  }
}

extension Configuration.Program {
  fileprivate func running(
    version: UInt64, _ objects: ObjectLoader, processor: Int
  ) throws(PluginError) -> Wiring.Running {
    let instance = try make(objects, processor: processor)
    return Wiring.Running(definition: self, instance: instance, version: version)
  }
}
