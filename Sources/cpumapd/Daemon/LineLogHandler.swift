// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Logging

/// How log lines look.
enum LogFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
  /// `warning: message key=value`
  case text
  /// One JSON object a line.
  case json
  /// Text behind the priority that the journal reads, as `<4>`.
  case journal
}

/// Writes log lines to standard error.
struct LineLogHandler: LogHandler {
  let label: String
  let format: LogFormat
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  init(label: String, format: LogFormat, level: Logger.Level = .info) {
    self.label = label
    self.format = format
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let pairs = all.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    let text = "\(event.level): \(event.message)" + (pairs.isEmpty ? "" : " " + pairs)
    let line =
      switch format {
      case .text: "cpumapd: \(text)"
      case .journal: "<\(event.level.priority)>\(text)"
      case .json: json(event.level, "\(event.message)", all.map { ($0.key, "\($0.value)") })
      }
    Terminal.standardError.write(line + "\n")
  }

  private func json(_ level: Logger.Level, _ message: String, _ pairs: [(String, String)]) -> String
  {
    var object = "{\"level\":\(JSON.string("\(level)")),\"message\":\(JSON.string(message))"
    for (key, value) in pairs { object += ",\(JSON.string(key)):\(JSON.string(value))" }
    return object + "}"
  }
}

extension Logger.Level {
  /// The number that `syslog` and the journal give it.
  fileprivate var priority: Int {
    switch self {
    case .critical: 2
    case .error: 3
    case .warning: 4
    case .notice: 5
    case .info: 6
    case .debug, .trace: 7
    }
  }
}
