// SPDX-License-Identifier: Apache-2.0

import Yams

extension Configuration {
  /// The longest file that is read, in octets.
  static let fileLimit = 1 << 20

  /// Reads and checks a configuration file.
  ///
  /// A pure function: the same text and machine give the same result, and no text makes it trap.
  ///
  /// - Parameters:
  ///   - text: The file.
  ///   - fileName: What the messages call it.
  ///   - machine: What CPUs are checked against; nil leaves that out.
  /// - Returns: The configuration, and what is allowed but looks wrong.
  /// - Throws: Every error of the file at once.
  static func parse(
    _ text: String, fileName: String, machine: Machine?
  ) throws(DiagnosticList) -> (configuration: Configuration, warnings: DiagnosticList) {
    let collector = DiagnosticCollector(machine: machine)
    var configuration = Configuration()
    if let root = compose(text, collector) {
      configuration.read(root)
      collector.names.resolve(collector)
      // The checks weigh parts against each other; with one missing they would find faults that are not there.
      if !collector.hasErrors { configuration.check(collector) }
    }
    let list = DiagnosticList(fileName: fileName, source: text, collector.diagnostics)
    if list.hasErrors { throw list }
    return (configuration, list)
  }

  /// Reads the text as a mapping of YAML; nil, with errors, where it is none.
  static func compose(_ text: String, _ collector: DiagnosticCollector) -> YAMLMapping? {
    guard text.utf8.count <= fileLimit else {
      collector.error("the file is longer than \(fileLimit) octets", at: nil as SourceRange?)
      return nil
    }
    do {
      // Without resolver rules every scalar stays text: what it means is decided here, key by key.
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      guard let node = try parser.singleRoot() else {
        collector.error("the file is empty", at: nil as SourceRange?)
        return nil
      }
      return YAMLMapping(node, path: "", collector: collector)
    } catch let error as YamlError {
      let (message, range) = error.diagnosis
      collector.error(message, at: range)
    } catch {
      collector.error("\(error)", at: nil as SourceRange?)
    }
    return nil
  }
}

extension YamlError {
  /// The problem on one line, and its place.
  fileprivate var diagnosis: (String, SourceRange?) {
    switch self {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      if problem.contains("nesting level") {
        return ("nested too deeply", SourceRange(line: mark.line, column: mark.column))
      }
      let explanation = context.map { " (\($0.text) that starts in line \($0.mark.line))" } ?? ""
      return (problem + explanation, SourceRange(line: mark.line, column: mark.column))
    case .reader(let problem, let offset, _, let yaml):
      let before = yaml.prefix(offset ?? 0)
      let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
      let column = (lines.last?.unicodeScalars.count ?? 0) + 1
      return (problem, offset.map { _ in SourceRange(line: max(1, lines.count), column: column) })
    case .duplicatedKeysInMapping(let duplicates, let context):
      let key = duplicates.first ?? ""
      let range = SourceRange(
        line: context.mark.line, column: context.mark.column,
        length: max(1, key.unicodeScalars.count))
      return ("key \"\(key.excerpt)\" stands twice in one mapping; this is the first", range)
    default:
      return ("\(self)", nil)
    }
  }
}
