// SPDX-License-Identifier: Apache-2.0

/// How a line looks where colours are welcome.
public enum TextStyle: String, Sendable {
  /// As it is.
  case plain = ""
  /// A heading.
  case bold = "1"
  /// Something is well.
  case green = "32"
  /// Something is near its limit.
  case yellow = "33"
  /// Something is lost.
  case red = "31"
}

/// What the reader's screen can show.
public struct Screen: Sendable {
  /// The columns; nil where lines may be as long as they like.
  public var columns: Int?
  /// Whether lines may be coloured.
  public var hasColours: Bool

  /// No colours and no limit: a file, a pipe, a test.
  public static let plain = Screen(columns: nil, hasColours: false)

  /// Creates a screen.
  public init(columns: Int?, hasColours: Bool) {
    self.columns = columns
    self.hasColours = hasColours
  }

  /// The line cut to the screen's width, in its style.
  public func line(_ text: String, _ style: TextStyle = .plain) -> String {
    let text = columns.map { String(text.prefix($0)) } ?? text
    guard hasColours, style != .plain, !text.isEmpty else { return text }
    return "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m"
  }
}
