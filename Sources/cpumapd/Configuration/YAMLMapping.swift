// SPDX-License-Identifier: Apache-2.0

import Control
import Yams

/// Collects what is wrong while a file is read, and remembers where every value stands.
///
/// Checks that span several values run after reading and name a place by its path, such as `entries[0].cpu`.
final class DiagnosticCollector {
  /// What CPUs are checked against; nil leaves that out.
  let machine: Machine?
  /// The names that the file gives and uses.
  var names = Names()
  private(set) var diagnostics: [Diagnostic] = []
  private var places: [String: SourceRange] = [:]

  init(machine: Machine?) { self.machine = machine }

  var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

  func remember(_ node: Node, as path: String) { places[path] = SourceRange(node) }

  /// Whether the file says anything there.
  func knows(_ path: String) -> Bool { places[path] != nil }

  func error(_ message: String, at range: SourceRange?) {
    diagnostics.append(Diagnostic(severity: .error, range: range, message: message))
  }

  func error(_ message: String, at path: String) { error(message, at: places[path]) }

  func warning(_ message: String, at path: String) {
    diagnostics.append(Diagnostic(severity: .warning, range: places[path], message: message))
  }
}

extension SourceRange {
  /// The place of a node: the whole of a scalar on one line, else its first character.
  init?(_ node: Node) {
    guard let mark = node.mark else { return nil }
    self.init(line: mark.line, column: mark.column)
    guard let scalar = node.scalar else { return }
    let quotes = scalar.style == .singleQuoted || scalar.style == .doubleQuoted ? 2 : 0
    length = max(1, scalar.string.unicodeScalars.count + quotes)
  }
}

/// A mapping of the file whose keys are known by name.
struct YAMLMapping {
  /// The path from the top of the file, such as `entries[0]`; empty at the top.
  let path: String
  let collector: DiagnosticCollector
  /// The keys in the order of the file.
  let names: [String]
  private let place: SourceRange?
  private let keys: [String: Node]
  private let values: [String: Node]

  /// Nil, with an error, where the node is no mapping or a key is no text.
  init?(_ node: Node, path: String, collector: DiagnosticCollector) {
    guard let mapping = node.mapping else {
      let subject = path.isEmpty ? "the file" : path
      collector.error("\(subject) must be a mapping, key: value", at: SourceRange(node))
      return nil
    }
    var names: [String] = []
    var keys: [String: Node] = [:]
    var values: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.scalar?.string else {
        collector.error("a key must be text", at: SourceRange(key))
        continue
      }
      names.append(name)
      keys[name] = key
      values[name] = value
      collector.remember(value, as: YAMLMapping.path(path, name))
    }
    self.path = path
    self.collector = collector
    self.names = names
    self.keys = keys
    self.values = values
    place = SourceRange(node)
  }

  private static func path(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : "\(path).\(name)"
  }

  /// Reports every key that stands in neither list, and every one of `later` as not supported yet.
  func expect(_ known: [String], later: [String] = [], inside place: String? = nil) {
    let place = place ?? (path.isEmpty ? "the file" : path)
    for name in names where !known.contains(name) {
      let range = keys[name].flatMap(SourceRange.init)
      if later.contains(name) {
        collector.error("\"\(name)\" in \(place) is not supported yet", at: range)
      } else {
        let suggestion = Suggestion.phrase(for: name, among: known + later)
        collector.error("unknown key \"\(name.excerpt)\" in \(place)\(suggestion)", at: range)
      }
    }
  }

  /// Notes that a key is the name of something that stands elsewhere in the file.
  func useKey(_ name: String, _ kind: Names.Kind) {
    collector.names.use(name, kind, at: keys[name].flatMap(SourceRange.init))
  }

  func error(_ message: String) { collector.error(message, at: place) }

  /// The value of a key; nil where it is missing or empty.
  subscript(name: String) -> YAMLValue? {
    guard let node = values[name] else { return nil }
    let value = YAMLValue(node: node, path: Self.path(path, name), collector: collector)
    return value.isNull ? nil : value
  }

  /// The value of a key; nil, with an error, where it is missing or empty.
  func required(_ name: String) -> YAMLValue? {
    if let value = self[name] { return value }
    let subject = path.isEmpty ? "the file" : path
    collector.error(
      "\(subject) needs \"\(name)\"", at: keys[name].flatMap(SourceRange.init) ?? place)
    return nil
  }
}

extension String {
  /// The text as a message may quote it: on one line, and not too much of it.
  var excerpt: String {
    let start = String(UnicodeScalarView(unicodeScalars.prefix(60)))
    return start.printable + (unicodeScalars.dropFirst(60).isEmpty ? "" : "...")
  }
}
