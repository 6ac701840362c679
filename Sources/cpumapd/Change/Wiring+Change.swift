// SPDX-License-Identifier: Apache-2.0

import Control
import Datapath
import Plugins
import Synchronization
import Syscalls
import XDPFrame

/// What is to be made of the configuration that runs.
struct Edit {
  /// What to end up with.
  var configuration: Configuration
  /// Which programs are made anew although their names stay.
  var renewal = Renewal.none
  /// The entry that goes back to the program that it ran before.
  var rollback: String?

  enum Renewal {
    /// None.
    case none
    /// Those of this entry.
    case entry(String)
    /// Those whose description has changed.
    case described
  }
}

/// What became of an edit.
struct Edited {
  /// The generation that runs now.
  var generation: UInt64
  /// What has changed.
  var lines: [String]
  /// How long it took until nothing was left of what was replaced.
  var duration = Duration.zero
  /// Frames that found a queue full meanwhile.
  var ringDrop: UInt64 = 0
  /// Whether it was only asked what would change.
  var isTrial = false
}

extension Wiring {
  /// Replaces the configuration that runs, as one generation, or leaves everything as it is.
  ///
  /// Any thread, one at a time; returns when the queues of what was replaced are empty.
  func change(
    ifGeneration expected: UInt64?,
    _ edit: (borrowing State) throws(ControlError) -> Edit
  ) throws(ControlError) -> Edited {
    try changing.withLock { (_) throws(ControlError) in
      let before = current
      if let expected, expected != before.generation {
        throw .generationConflict(expected: expected, actual: before.generation)
      }
      let edit = try edit(before)
      let difference = Difference(from: before.configuration, to: edit.configuration)
      if let part = difference.needingRestart.first { throw .needsRestart(part) }
      if let problem = edit.configuration.problem(machine: nil) { throw .invalidChange(problem) }
      return try carryOut(edit, difference, from: before)
    }
  }

  private func carryOut(
    _ edit: Edit, _ difference: Difference, from before: State
  ) throws(ControlError) -> Edited {
    let (after, replaced) = try before.next(edit)
    guard !difference.isEmpty || !replaced.isEmpty else {
      return Edited(generation: before.generation, lines: [])
    }
    let (began, dropped) = (MonotonicClock.now, ringDrop)
    do throws(MapError) {
      var change = Change(of: datapath)
      try collect(&change, before, after, replaced)
      try change.apply()
    } catch {
      throw .changeRefused("\(error)")
    }
    become(after)
    return Edited(
      generation: after.generation, lines: difference.lines + renewals(before, after),
      duration: .nanoseconds(Int64(MonotonicClock.now - began)), ringDrop: ringDrop - dropped)
  }

  /// Programs that were made anew, or taken up again, under the name that they had.
  private func renewals(_ before: State, _ after: State) -> [String] {
    after.configuration.entries.compactMap { entry in
      guard let old = before.entries[entry.name]?.program,
        let new = after.entries[entry.name]?.program,
        old.definition.name == new.definition.name, old.version != new.version
      else { return nil }
      return
        "~ entries[\(entry.name)].program: \(new.definition.name), "
        + "version \(old.version) -> \(new.version)"
    }
  }

  private var ringDrop: UInt64 { datapath.entryReports.reduce(0) { $0 + $1.ringDrop } }

  private func collect(
    _ change: inout Change, _ before: State, _ after: State, _ replaced: Set<String>
  ) throws(MapError) {
    for entry in after.configuration.entries where replaced.contains(entry.name) {
      guard let installed = after.entries[entry.name] else { continue }
      try change.update(installed.key, CPUMap.Value(entry, installed))
    }
    for (name, installed) in before.entries where after.entries[name] == nil {
      // A key that a new entry has taken over is replaced above.
      let isTaken = after.entries.values.contains { $0.key == installed.key }
      if !isTaken { try change.remove(installed.key) }
    }
    for (name, deciders) in after.deciders {
      guard let port = ports.first(where: { $0.configuration.name == name }) else { continue }
      for (loop, decider) in zip(port.loops, deciders) where !decider.isInstalled {
        try change.replaceProgram(of: loop, with: decider.program, named: decider.name)
      }
    }
    try collectRoutes(&change, before.configuration.on, after.configuration.on)
  }

  private func collectRoutes(
    _ change: inout Change, _ before: Configuration.Outcome, _ after: Configuration.Outcome
  ) throws(MapError) {
    func port(named name: String?) -> (any Port)? {
      ports.first { $0.configuration.name == name }?.port
    }
    if before.pass != after.pass { change.setPassPort(port(named: after.pass)) }
    for source in Set(before.redirect.keys).union(after.redirect.keys)
    where before.redirect[source] != after.redirect[source] {
      guard let from = port(named: source) else { continue }
      try change.redirect(from.number, to: port(named: after.redirect[source]))
    }
  }
}

extension CPUMap.Value {
  /// What the CPU map is told of an entry.
  init(_ entry: Configuration.Entry, _ installed: Wiring.Installed) {
    self.init(
      name: entry.name, cpu: entry.cpu, queueCapacity: entry.queueSize,
      program: installed.program?.instance, programName: installed.program?.definition.name ?? "")
  }
}
