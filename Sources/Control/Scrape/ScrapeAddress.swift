// SPDX-License-Identifier: Apache-2.0

/// Where metrics can be fetched: a Unix socket, or a TCP port that only this machine reaches.
public enum ScrapeAddress: Sendable, Equatable {
  /// A path.
  case unix(String)
  /// A port of 127.0.0.1.
  case ipv4(UInt16)
  /// A port of ::1.
  case ipv6(UInt16)

  /// Reads `unix:/run/cpumapd/metrics.sock`, `tcp:127.0.0.1:9817` or `tcp:[::1]:9817`.
  public init?(_ text: String) {
    if text.hasPrefix("unix:/") {
      self = .unix(String(text.dropFirst(5)))
    } else if let port = Self.port(text, behind: "tcp:127.0.0.1:") {
      self = .ipv4(port)
    } else if let port = Self.port(text, behind: "tcp:[::1]:") {
      self = .ipv6(port)
    } else {
      return nil
    }
  }

  private static func port(_ text: String, behind prefix: String) -> UInt16? {
    guard text.hasPrefix(prefix) else { return nil }
    let digits = text.dropFirst(prefix.count)
    guard let port = UInt16(digits), port > 0, digits.first != "+" else { return nil }
    return port
  }
}

extension ScrapeAddress: CustomStringConvertible {
  /// The address as the configuration has it.
  public var description: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .ipv4(let port): "tcp:127.0.0.1:\(port)"
    case .ipv6(let port): "tcp:[::1]:\(port)"
    }
  }
}
