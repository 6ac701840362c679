// SPDX-License-Identifier: Apache-2.0

import CLinux
public import Syscalls

/// A stream that people or programs read: standard output or standard error.
public struct Terminal: Sendable {
  private let raw: RawDescriptor
  /// Whether a terminal is at the other end; everything else gets plain text.
  public let isTerminal: Bool
  /// Whether colours are welcome: a terminal that can, and no `NO_COLOR`.
  public let hasColours: Bool

  /// Standard output.
  public static let standardOutput = Terminal(1)
  /// Standard error.
  public static let standardError = Terminal(2)

  /// Looks at a stream that stays open.
  public init(_ raw: RawDescriptor) {
    self.raw = raw
    isTerminal = isatty(raw) == 1
    hasColours =
      isTerminal && Terminal.environment("NO_COLOR").isEmpty
      && Terminal.environment("TERM") != "dumb"
  }

  /// The width in columns; nil where the terminal does not say or there is none.
  public var columns: Int? {
    var size = winsize()
    // Safe: the kernel writes one structure of that type.
    guard unsafe clinux_ioctl(raw, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  /// What this stream can show at this moment: a terminal's width may change.
  public var screen: Screen { Screen(columns: columns, hasColours: hasColours) }

  /// Writes the whole text at once, waiting if it must.
  ///
  /// - Returns: Whether all of it went out; false when nobody reads any more.
  @discardableResult
  public func write(_ text: String) -> Bool {
    var text = text
    // Safe: the string's storage lives for the duration of the calls.
    return text.withUTF8 { bytes in
      var offset = 0
      while offset < bytes.count {
        let rest = unsafe UnsafeBufferPointer(rebasing: bytes[offset...])
        let count = unsafe CLinux.write(raw, rest.baseAddress, rest.count)
        if count > 0 {
          offset += count
        } else if Errno.current != .interrupted {
          return false
        }
      }
      return true
    }
  }

  private static func environment(_ name: String) -> String {
    // Safe: the C library returns a string that nobody changes while these programs start, or null.
    guard let value = unsafe getenv(name) else { return "" }
    return unsafe String(cString: value)
  }
}
