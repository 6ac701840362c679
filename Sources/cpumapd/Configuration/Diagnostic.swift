// SPDX-License-Identifier: Apache-2.0

/// Where something stands in a configuration file.
struct SourceRange: Sendable, Equatable {
  /// The line, from 1.
  var line: Int
  /// The column of the first Unicode scalar, from 1.
  var column: Int
  /// The number of Unicode scalars, at least 1.
  var length = 1
}

/// Something to say about one place in a configuration file.
struct Diagnostic: Sendable, Equatable {
  enum Severity: String, Sendable {
    case error
    case warning
  }

  var severity: Severity
  /// Nil where it concerns the whole file.
  var range: SourceRange?
  var message: String
}

/// Everything to say about one configuration file, in the order of the file.
struct DiagnosticList: Error, Sendable, Equatable {
  /// No more than this many are shown: after twenty the reader has seen the pattern.
  static let limit = 20

  let fileName: String
  let diagnostics: [Diagnostic]
  private let source: String

  init(fileName: String, source: String, _ diagnostics: [Diagnostic] = []) {
    self.fileName = fileName
    self.source = source
    // Sorting by place must keep what stands at one place in the order it was noticed.
    self.diagnostics = diagnostics.enumerated().sorted { left, right in
      let (l, r) = (left.element.range, right.element.range)
      return (l?.line ?? 0, l?.column ?? 0, left.offset) < (
        r?.line ?? 0, r?.column ?? 0, right.offset
      )
    }.map(\.element)
  }

  var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

  /// What compilers print: place, severity and message, then the line with the place underlined.
  var text: String {
    guard !diagnostics.isEmpty else { return "" }
    let lines = SourceLines(source)
    var text = ""
    for diagnostic in diagnostics.prefix(Self.limit) { text += render(diagnostic, lines) }
    let rest = diagnostics.count - Self.limit
    if rest > 0 { text += "\(fileName): \(rest) more\n" }
    return text
  }

  private func render(_ diagnostic: Diagnostic, _ lines: SourceLines) -> String {
    let statement = "\(diagnostic.severity.rawValue): \(diagnostic.message)\n"
    guard let range = diagnostic.range else { return "\(fileName): \(statement)" }
    let heading = "\(fileName):\(range.line):\(range.column): \(statement)"
    guard let line = lines[range.line], !line.isEmpty else { return heading }
    let column = min(range.column - 1, line.count)
    let length = max(1, min(range.length, line.count - column))
    // Of a line that no terminal shows whole, the part around the place.
    let window = max(0, min(column - 60, line.count - 120))..<min(line.count, max(120, column + 60))
    // Tabs are kept, so that the caret stands where the terminal shows the place.
    let indent = String(
      line[window.lowerBound..<column].map { $0 == "\t" ? "\t" : " " as Character })
    let shown = max(1, min(length, window.upperBound - column))
    let underline = "^" + String(repeating: "~", count: shown - 1)
    return heading + SourceLines.printable(line[window]) + "\n" + indent + underline + "\n"
  }
}
