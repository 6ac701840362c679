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
    let line = format.line(
      "\(event.level)", priority: event.level.priority, "\(event.message)",
      all.map { ($0.key, "\($0.value)") })
    Terminal.standardError.write(line + "\n")
  }
}

extension LogFormat {
  /// One event on one line, whatever stands in it: messages quote what files and peers say.
  func line(
    _ level: String, priority: Int, _ message: String, _ pairs: [(key: String, value: String)]
  ) -> String {
    let text = (["\(level): \(message)"] + pairs.map { "\($0.key)=\($0.value)" })
      .joined(separator: " ").printable
    switch self {
    case .text: return "cpumapd: \(text)"
    case .journal: return "<\(priority)>\(text)"
    case .json:
      var object: JSON.Object = ["level": .string(level), "message": .string(message)]
      for (key, value) in pairs { object[key] = .string(value) }
      return "\(JSON.object(object))"
    }
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
