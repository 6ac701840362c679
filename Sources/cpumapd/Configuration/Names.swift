// SPDX-License-Identifier: Apache-2.0

/// The names that a file gives, and the places where it uses them.
///
/// Both are noted while the file is read, so that a name that nothing has is told together with every other error.
struct Names {
  /// What can have a name.
  enum Kind: String {
    case port
    case program
    case entry
  }

  private struct Use {
    var name: String
    var kind: Kind
    var place: SourceRange?
  }

  private var owners: [Kind: [String: String]] = [:]
  private var uses: [Use] = []
  private var incomplete: Set<Kind> = []

  /// Notes that what stands at `path` has this name.
  ///
  /// - Returns: The path of what has the name already, if anything has.
  mutating func declare(_ name: String, _ kind: Kind, at path: String) -> String? {
    if let owner = owners[kind]?[name] { return owner }
    owners[kind, default: [:]][name] = path
    return nil
  }

  /// Notes that something of this kind has a name that could not be read.
  mutating func missName(of kind: Kind) { incomplete.insert(kind) }

  /// Notes that the file means something of this kind by this name.
  mutating func use(_ name: String, _ kind: Kind, at place: SourceRange?) {
    uses.append(Use(name: name, kind: kind, place: place))
  }

  /// Whether the file uses this name.
  func isUsed(_ name: String, _ kind: Kind) -> Bool {
    uses.contains { $0.name == name && $0.kind == kind }
  }

  /// Reports each use of a name that nothing has.
  ///
  /// Where a name could not be read, it may be the one that is missing: of such a kind nothing is said.
  func resolve(_ collector: DiagnosticCollector) {
    for use in uses where !incomplete.contains(use.kind) {
      let names = owners[use.kind, default: [:]].keys.sorted()
      if names.contains(use.name) { continue }
      let suggestion = Suggestion.phrase(for: use.name, among: names)
      collector.error(
        "no \(use.kind.rawValue) is named \"\(use.name.excerpt)\"\(suggestion)", at: use.place)
    }
  }
}

extension YAMLMapping {
  /// The value of `name`, by which other parts of the file may mean this mapping.
  func declaredName(_ kind: Names.Kind) -> String? {
    guard let value = required("name"), let name = value.name() else {
      collector.names.missName(of: kind)
      return nil
    }
    if let owner = collector.names.declare(name, kind, at: path) {
      value.error("\(value.path) \"\(name)\" is taken by \(owner)")
      // One of the two has somebody else's name, so one name is missing.
      collector.names.missName(of: kind)
    }
    return name
  }
}

extension YAMLValue {
  /// A name of something that stands elsewhere in the file.
  func reference(_ kind: Names.Kind) -> String? {
    guard let name = text("the name of a \(kind.rawValue)") else { return nil }
    collector.names.use(name, kind, at: SourceRange(node))
    return name
  }

  /// The elements of a list of things that have names.
  func list<Element>(of kind: Names.Kind, _ read: (YAMLMapping) -> Element?) -> [Element] {
    let elements = list()
    if elements == nil { collector.names.missName(of: kind) }
    return (elements ?? []).compactMap { element in
      if let mapping = element.mapping() { return read(mapping) }
      collector.names.missName(of: kind)
      return nil
    }
  }
}
