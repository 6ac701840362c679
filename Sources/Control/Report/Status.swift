// SPDX-License-Identifier: Apache-2.0

/// How the daemon is: who it is, since when, and what it has done.
public struct Status: Sendable, Equatable {
  /// The daemon's version.
  public var version: String
  /// The daemon's process.
  public var process: Int
  /// How long it has been running, in seconds.
  public var uptimeSeconds: Double
  /// The path of its configuration file; nil where it runs without one.
  public var configuration: String?
  /// What it has done.
  public var report: Report

  /// Creates a status.
  public init(
    version: String = Release.version, process: Int, uptimeSeconds: Double, configuration: String?,
    report: Report
  ) {
    self.version = version
    self.process = process
    self.uptimeSeconds = uptimeSeconds
    self.configuration = configuration
    self.report = report
  }
}

extension Status {
  /// The status as one object: its own keys, then those of the report.
  public var json: JSON {
    var object: JSON.Object = [
      "version": .string(version), "pid": .integer(process), "uptime": .number(uptimeSeconds),
      "configuration": configuration.map(JSON.string) ?? .null,
    ]
    if case .object(let report) = report.json {
      for member in report.members { object[member.name] = member.value }
    }
    return .object(object)
  }

  /// Reads a status back.
  ///
  /// - Throws: ``JSON/MismatchError`` naming the first key that is missing or of the wrong kind.
  public init(json: JSON) throws(JSON.MismatchError) {
    let reader = JSON.Reader(json)
    self.init(
      version: try reader["version"].string(), process: try reader["pid"].integer(),
      uptimeSeconds: try reader["uptime"].number(),
      configuration: try reader["configuration"].ifPresent?.string(), report: try Report(json: json)
    )
  }

  /// The status for people.
  public var text: String {
    var heading =
      "cpumapd \(version)  pid \(process)  up \(Figure.span(seconds: uptimeSeconds))  "
      + "mode \(report.mode.rawValue)"
    if let generation = report.generation { heading += "  generation \(generation)" }
    if let configuration { heading += "  \(configuration)" }
    return heading.printable + "\n\n" + report.overviewText
  }
}
