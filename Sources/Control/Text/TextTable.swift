// SPDX-License-Identifier: Apache-2.0

/// Rows under titles, in columns as wide as they need to be.
public struct TextTable: Sendable {
  /// On which side a column's cells stand.
  public enum Alignment: Sendable {
    /// At the left: words.
    case left
    /// At the right: numbers.
    case right
  }

  private struct Row: Sendable {
    var cells: [String]
    var style: TextStyle
  }

  private let alignments: [Alignment]
  private var rows: [Row]

  /// Creates a table without rows.
  public init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [Row(cells: columns.map(\.title), style: .bold)]
  }

  /// Creates a table whose first column holds words and whose others hold numbers.
  public init(_ titles: String...) {
    self.init(titles.enumerated().map { (title: $1, alignment: $0 == 0 ? .left : .right) })
  }

  /// Appends a row; missing cells stay empty, extra ones are left out.
  public mutating func add(_ cells: [String], style: TextStyle = .plain) {
    let cells = cells.prefix(alignments.count).map(\.printable)
    let missing = Array(repeating: "", count: alignments.count - cells.count)
    rows.append(Row(cells: cells + missing, style: style))
  }

  /// The titles and the rows, one line each, without newlines, as the screen can show them.
  public func lines(on screen: Screen = .plain) -> [String] {
    let widths = alignments.indices.map { column in
      rows.map { $0.cells[column].count }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.cells.indices.map { column in
        row.cells[column].padded(to: widths[column], alignments[column])
      }
      return screen.line(cells.joined(separator: "  ").droppingSpacesAtEnd, row.style)
    }
  }

  /// The titles and the rows, each with a newline.
  public func text() -> String { lines().map { $0 + "\n" }.joined() }
}

extension String {
  /// The string widened with spaces; longer strings stay as they are.
  ///
  /// Widths are counted in characters: what is printed here has no wide ones of its own.
  public func padded(to width: Int, _ alignment: TextTable.Alignment = .left) -> String {
    let space = String(repeating: " ", count: max(0, width - count))
    return alignment == .left ? self + space : space + self
  }

  /// The string with every control character replaced: names come from files and sockets, and a terminal obeys.
  public var printable: String {
    let isControl: (Unicode.Scalar) -> Bool = { $0.properties.generalCategory == .control }
    guard unicodeScalars.contains(where: isControl) else { return self }
    var scalars = UnicodeScalarView()
    for scalar in unicodeScalars { scalars.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
    return String(scalars)
  }

  fileprivate var droppingSpacesAtEnd: String {
    guard let end = lastIndex(where: { $0 != " " }) else { return "" }
    return String(self[...end])
  }
}
