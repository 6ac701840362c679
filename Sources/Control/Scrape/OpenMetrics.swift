// SPDX-License-Identifier: Apache-2.0

/// Metrics as OpenMetrics text: families of samples, each with its labels.
public struct OpenMetrics: Sendable {
  /// What HTTP calls the format.
  public static let contentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8"

  /// What a family's numbers mean.
  public enum Kind: String, Sendable {
    /// Only ever grows; its samples end in `_total`.
    case counter
    /// Goes up and down.
    case gauge
    /// Always 1: the labels say it; its samples end in `_info`.
    case info

    fileprivate var suffix: String {
      switch self {
      case .counter: "_total"
      case .gauge: ""
      case .info: "_info"
      }
    }
  }

  /// Names and values of labels, in order.
  public typealias Labels = KeyValuePairs<String, String>

  private var lines = ""
  private var suffixed = ""

  /// Begins a text without families.
  public init() {}

  /// The text, which ends as the format wants it.
  public var text: String { lines + "# EOF\n" }

  /// Begins a family; the samples that follow are its own.
  public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    lines += "# TYPE \(name) \(kind.rawValue)\n"
    if name.hasSuffix("_seconds") { lines += "# UNIT \(name) seconds\n" }
    lines += "# HELP \(name) \(help)\n"
    suffixed = name + kind.suffix
  }

  /// Adds a sample to the family.
  public mutating func sample(_ labels: Labels, _ value: UInt64) { add(labels, String(value)) }

  /// Adds a sample to the family.
  public mutating func sample(_ labels: Labels, _ value: Double) { add(labels, String(value)) }

  private mutating func add(_ labels: Labels, _ value: String) {
    let pairs = labels.map { "\($0.key)=\"\(Self.escape($0.value))\"" }
    let list = pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
    lines += "\(suffixed)\(list) \(value)\n"
  }

  private static func escape(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
