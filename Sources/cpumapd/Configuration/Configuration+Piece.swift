// SPDX-License-Identifier: Apache-2.0

import Control
import Yams

// A piece of the file that comes over the control socket. JSON is YAML, so it is read by what reads the file, and
// what is wrong with it is said in the same words.
extension Configuration {
  /// Reads an entry as it would stand under `entries`.
  static func entry(_ definition: JSON, machine: Machine?) throws(ControlError) -> Entry {
    try piece(definition, machine) { (mapping, _) in Entry(mapping) }
  }

  /// Reads a program as it would stand under `programs`.
  static func program(
    _ name: String, _ definition: JSON, machine: Machine?
  ) throws(ControlError) -> Program {
    try piece([name: definition], machine) { (mapping, _) in Program(name, in: mapping) }
  }

  private static func piece<Piece>(
    _ definition: JSON, _ machine: Machine?,
    _ read: (YAMLMapping, DiagnosticCollector) -> Piece?
  ) throws(ControlError) -> Piece {
    let collector = DiagnosticCollector(machine: machine)
    guard let parser = try? Parser(yaml: "\(definition)", resolver: .basic, encoding: .utf8),
      let node = try? parser.singleRoot(),
      let mapping = YAMLMapping(node, path: "", collector: collector)
    else { throw .invalidChange("params hold no description") }
    let piece = read(mapping, collector)
    if let problem = collector.problem { throw .invalidChange(problem) }
    guard let piece else { throw .invalidChange("params hold no description") }
    return piece
  }

  /// What is wrong with a configuration that was put together while the daemon ran; nil if nothing is.
  func problem(machine: Machine?) -> String? {
    let collector = DiagnosticCollector(machine: machine)
    for port in ports { _ = collector.names.declare(port.name, .port, at: "ports") }
    for program in programs { _ = collector.names.declare(program.name, .program, at: "programs") }
    for entry in entries {
      if collector.names.declare(entry.name, .entry, at: "entries") != nil {
        collector.error("entry \"\(entry.name)\" is there already", at: "entries")
      }
    }
    let programs = ports.compactMap(\.program) + entries.compactMap(\.program)
    for name in programs { collector.names.use(name, .program, at: nil) }
    for name in steering.entries { collector.names.use(name, .entry, at: nil) }
    for name in [on.pass].compactMap(\.self) + on.redirect.flatMap({ [$0.key, $0.value] }) {
      collector.names.use(name, .port, at: nil)
    }
    collector.names.resolve(collector)
    if !collector.hasErrors { check(collector) }
    return collector.problem
  }
}

extension DiagnosticCollector {
  /// The first error, and how many more there are.
  fileprivate var problem: String? {
    let errors = diagnostics.filter { $0.severity == .error }
    guard let first = errors.first else { return nil }
    return errors.count > 1 ? "\(first.message); and \(errors.count - 1) more" : first.message
  }
}
