// SPDX-License-Identifier: Apache-2.0

/// What is to change between two configurations, in words.
struct Difference {
  /// Each change on a line: `+ entries[w3]: cpu 3, queue 2048`, `~ entries[w1].qsize: 2048 -> 4096`.
  private(set) var lines: [String] = []
  /// The parts that only a new start changes.
  private(set) var needingRestart: [String] = []

  init(from old: Configuration, to new: Configuration) {
    compareFixedParts(old, new)
    comparePrograms(old, new)
    compareEntries(old, new)
    compare("steering", old.steeredNames, new.steeredNames)
    compare("on.pass", old.on.pass ?? "none", new.on.pass ?? "none")
    compare("on.redirect", Self.routes(old), Self.routes(new))
  }

  var isEmpty: Bool { lines.isEmpty }

  private mutating func compare(_ path: String, _ old: String, _ new: String) {
    if old != new { lines.append("~ \(path): \(old) -> \(new)") }
  }

  private mutating func compareFixedParts(_ old: Configuration, _ new: Configuration) {
    if old.daemon != new.daemon { require("daemon") }
    if old.memory != new.memory { require("memory") }
    // Steering is compared by what it does; its hash by what it is.
    if old.steering.key != new.steering.key
      || old.steering.isSymmetric != new.steering.isSymmetric
    {
      require("steering.hash")
    }
    if old.ports.map(\.withoutProgram) != new.ports.map(\.withoutProgram) { require("ports") }
    for port in new.ports {
      guard let before = old.ports.first(where: { $0.name == port.name }) else { continue }
      compare(
        "ports[\(port.name)].program", before.program ?? "steer", port.program ?? "steer")
    }
  }

  private mutating func require(_ part: String) {
    lines.append("! \(part): needs a restart")
    needingRestart.append(part)
  }

  private mutating func comparePrograms(_ old: Configuration, _ new: Configuration) {
    for program in new.programs {
      guard let before = old.program(named: program.name) else {
        lines.append("+ programs.\(program.name): \(program.summary)")
        continue
      }
      if before != program {
        lines.append("~ programs.\(program.name): \(before.summary) -> \(program.summary)")
      }
    }
    for program in old.programs where new.program(named: program.name) == nil {
      lines.append("- programs.\(program.name)")
    }
  }

  private mutating func compareEntries(_ old: Configuration, _ new: Configuration) {
    for entry in new.entries {
      guard let before = old.entry(named: entry.name) else {
        lines.append(
          "+ entries[\(entry.name)]: cpu \(entry.cpu), queue \(entry.queueSize), "
            + "program \(entry.program ?? "none")")
        continue
      }
      let path = "entries[\(entry.name)]"
      compare("\(path).cpu", "\(before.cpu)", "\(entry.cpu)")
      compare("\(path).qsize", "\(before.queueSize)", "\(entry.queueSize)")
      compare("\(path).program", before.program ?? "none", entry.program ?? "none")
    }
    for entry in old.entries where new.entry(named: entry.name) == nil {
      lines.append("- entries[\(entry.name)]: its queue is emptied first")
    }
  }

  private static func routes(_ configuration: Configuration) -> String {
    let routes = configuration.on.redirect.sorted { $0.key < $1.key }.map { "\($0) to \($1)" }
    return routes.isEmpty ? "none" : routes.joined(separator: ", ")
  }
}

extension Configuration {
  /// The entry of that name.
  func entry(named name: String) -> Entry? { entries.first { $0.name == name } }

  fileprivate var steeredNames: String {
    let names = steeredEntries.map(\.name)
    return names.isEmpty ? "nothing" : names.joined(separator: ", ")
  }
}

extension Configuration.Program {
  /// Kind, origin, and which loading of it.
  fileprivate var summary: String {
    "\(kindName) \(origin)" + (revision > 0 ? ", loaded anew \(revision) times" : "")
  }
}

extension Configuration.Port {
  fileprivate var withoutProgram: Self {
    var port = self
    port.program = nil
    return port
  }
}
