// SPDX-License-Identifier: Apache-2.0

/// The programs of a daemon, and who runs which version of them.
public struct ProgramList: Sendable, Equatable {
  /// A program, and who runs it.
  public struct Program: Sendable, Equatable {
    /// The operator's name for it.
    public var id: String
    /// `swift`, `so` or `ebpf`.
    public var kind: String
    /// Where its code is.
    public var origin: String
    /// The entries that run it, as `w1@2`; with a star where they run it as it was before it was loaded anew.
    public var runners: [String]
    /// The ports whose frames meet it first.
    public var ports: [String]
  }

  /// The programs in the order of the configuration.
  public var programs: [Program]

  /// Reads what the daemon answers.
  ///
  /// - Throws: ``JSON/MismatchError`` naming the first key that is missing or of the wrong kind.
  public init(json: JSON) throws(JSON.MismatchError) {
    programs = []
    for element in try JSON.Reader(json)["programs"].elements() {
      programs.append(try Program(element))
    }
  }

  /// The programs, a line each.
  public var text: String {
    var table = TextTable([
      ("PROGRAM", .left), ("KIND", .left), ("ORIGIN", .left), ("ENTRIES", .left), ("PORTS", .left),
    ])
    for program in programs {
      table.add([
        program.id, program.kind, program.origin, program.runners.joined(separator: " "),
        program.ports.joined(separator: " "),
      ])
    }
    return table.text()
  }
}

extension ProgramList.Program {
  fileprivate init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    id = try reader["id"].string()
    kind = try reader["kind"].string()
    origin = try reader["origin"].string()
    runners = []
    for runner in try reader["entries"].elements() {
      let isCurrent = runner["current"].value != .boolean(false)
      let version = try runner["version"].count()
      runners.append("\(try runner["entry"].string())@\(version)\(isCurrent ? "" : "*")")
    }
    ports = []
    for port in try reader["ports"].elements() { ports.append(try port.string()) }
  }
}
