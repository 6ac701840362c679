// SPDX-License-Identifier: Apache-2.0

import Control

/// What can be asked for over the control socket, by name.
struct ControlMethods: Sendable {
  typealias Method = @Sendable (JSON) -> Result<JSON, ControlError>

  /// Those that change nothing; called on the socket's thread, so none of them waits.
  let queries: [String: Method]
  /// Those that do; called one at a time, on a thread that may wait.
  let changes: [String: Method]
  /// Called on the socket's thread at least ten times a second.
  let tick: @Sendable () -> Void

  /// The methods of a daemon.
  ///
  /// - Parameters:
  ///   - wiring: What is looked at and changed.
  ///   - configurationPath: What `reload` reads.
  ///   - machine: What CPUs are checked against.
  ///   - note: Told of every change: what it is, and the generation that it made.
  ///   - status: Reads the books.
  ///   - tick: Called by the socket's thread at least ten times a second.
  init(
    _ wiring: Wiring, configurationPath: String, machine: Machine?,
    note: @escaping @Sendable (String, UInt64) -> Void,
    status: @escaping @Sendable () -> Status, tick: @escaping @Sendable () -> Void = {}
  ) {
    self.tick = tick
    let operations = Operations(
      wiring: wiring, configurationPath: configurationPath, machine: machine)
    queries = [
      "status": { _ in .success(status().json) },
      "stats": { _ in .success(status().report.json) },
      "frames": { _ in .success(status().report.json) },
      "prog.list": { _ in .success(wiring.programList) },
      "which": { parameters in
        answer { () throws(ControlError) in try wiring.which(Parameters(parameters)).json }
      },
    ]
    var changes: [String: Method] = [:]
    for (name, operation) in operations.byName {
      changes[name] = { parameters in
        answer { () throws(ControlError) in
          let edited = try operation(Parameters(parameters))
          for line in edited.lines where !edited.isTrial { note(line, edited.generation) }
          return edited.json
        }
      }
    }
    self.changes = changes
  }
}

/// Turns what is thrown into what is answered.
private func answer(
  _ body: () throws(ControlError) -> JSON
) -> Result<JSON, ControlError> {
  do throws(ControlError) {
    return .success(try body())
  } catch {
    return .failure(error)
  }
}

/// The parameters of one call.
struct Parameters {
  private let reader: JSON.Reader
  let json: JSON

  init(_ json: JSON) {
    self.json = json
    reader = JSON.Reader(json)
  }

  func text(_ name: String) throws(ControlError) -> String {
    try read { () throws(JSON.MismatchError) in try reader[name].string() }
  }

  func optionalText(_ name: String) throws(ControlError) -> String? {
    try read { () throws(JSON.MismatchError) in try reader[name].ifPresent?.string() }
  }

  func count(_ name: String) throws(ControlError) -> UInt64? {
    try read { () throws(JSON.MismatchError) in try reader[name].ifPresent?.count() }
  }

  /// Whether a flag is set; missing is no.
  func flag(_ name: String) throws(ControlError) -> Bool {
    switch reader[name].value {
    case nil, .null, .boolean(false): return false
    case .boolean(true): return true
    default:
      throw .invalidParameters(JSON.MismatchError(path: name, expected: "true or false"))
    }
  }

  /// The generation that must run for the change to be made; nil where any will do.
  var expectedGeneration: UInt64? {
    get throws(ControlError) { try count("if_generation") }
  }

  private func read<Value>(
    _ body: () throws(JSON.MismatchError) -> Value
  ) throws(ControlError) -> Value {
    do throws(JSON.MismatchError) {
      return try body()
    } catch {
      throw .invalidParameters(error)
    }
  }
}

extension Edited {
  /// The answer to whoever asked for the change.
  var json: JSON {
    [
      "generation": JSON(generation), "changes": .array(lines.map(JSON.string)),
      "took_us": .integer(Int(duration / .microseconds(1))), "ring_drop": JSON(ringDrop),
    ]
  }
}
