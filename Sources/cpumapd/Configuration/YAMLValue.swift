// SPDX-License-Identifier: Apache-2.0

import Yams

/// A value of the file and where it stands.
///
/// Every reader returns nil, with an error collected, where the value is of the wrong kind.
struct YAMLValue {
  let node: Node
  /// The path from the top of the file, such as `entries[0].cpu`.
  let path: String
  let collector: DiagnosticCollector

  /// Whether nothing is written where a value should stand.
  var isNull: Bool {
    guard let scalar = node.scalar, scalar.style == .plain else { return false }
    return ["", "~", "null"].contains(scalar.string)
  }

  var isList: Bool { node.sequence != nil }

  /// The text of a scalar as it stands; empty where this is none.
  var word: String { node.scalar?.string ?? "" }

  func error(_ message: String) { collector.error(message, at: SourceRange(node)) }

  /// Reports that the value is not what it must be.
  func mustBe(_ expected: String) {
    if let scalar = node.scalar {
      error("\(path) is \"\(scalar.string.excerpt)\"; it must be \(expected)")
    } else {
      error("\(path) must be \(expected)")
    }
  }

  func text(_ expected: String = "text") -> String? {
    if let scalar = node.scalar, !scalar.string.isEmpty { return scalar.string }
    mustBe(expected)
    return nil
  }

  /// A name that is safe in metrics, paths and terminals.
  func name() -> String? {
    let allowed: (UInt8) -> Bool = { byte in
      UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-_.".utf8.contains(byte)
    }
    if let scalar = node.scalar, 1...32 ~= scalar.string.utf8.count,
      scalar.string.utf8.allSatisfy(allowed)
    {
      return scalar.string
    }
    mustBe("1 to 32 letters, digits, \"-\", \"_\" or \".\"")
    return nil
  }

  /// A whole number, decimal, written without quotes; `_` may group its digits.
  func integer(in range: ClosedRange<Int>) -> Int? {
    if let scalar = node.scalar, scalar.style == .plain, let number = Self.integer(scalar.string),
      range.contains(number)
    {
      return number
    }
    let limit =
      range.upperBound == .max
      ? "\(range.lowerBound) or more" : "\(range.lowerBound)...\(range.upperBound)"
    mustBe("a whole number, \(limit)")
    return nil
  }

  static func integer(_ text: String) -> Int? {
    guard let first = text.utf8.first, first != UInt8(ascii: "_"), first != UInt8(ascii: "+") else {
      return nil
    }
    return Int(text.replacing("_", with: ""))
  }

  func boolean() -> Bool? {
    switch node.scalar?.string {
    case "true": return true
    case "false": return false
    default:
      mustBe("true or false")
      return nil
    }
  }

  /// One of the words of an enumeration; the words of `later` are reported as not supported yet.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ type: Choice.Type = Choice.self, later: [String] = []
  ) -> Choice? {
    choice(Choice.allCases.map(\.rawValue), later: later).flatMap(Choice.init)
  }

  /// One of the words listed.
  func choice(_ words: [String], later: [String] = []) -> String? {
    if words.contains(word) { return word }
    if later.contains(word) {
      error("\(path) \"\(word)\" is not supported yet")
      return nil
    }
    guard node.scalar != nil else {
      mustBe(words.joined(separator: " or "))
      return nil
    }
    let suggestion = Suggestion.phrase(for: word, among: words + later)
    let list = words.joined(separator: ", ")
    error("\(path) is \"\(word.excerpt)\"; it must be one of \(list)\(suggestion)")
    return nil
  }

  /// The elements of a list.
  func list() -> [YAMLValue]? {
    guard let sequence = node.sequence else {
      mustBe("a list")
      return nil
    }
    return sequence.enumerated().map { index, node in
      let path = "\(path)[\(index)]"
      collector.remember(node, as: path)
      return YAMLValue(node: node, path: path, collector: collector)
    }
  }

  func mapping() -> YAMLMapping? { YAMLMapping(node, path: path, collector: collector) }
}
