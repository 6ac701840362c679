// SPDX-License-Identifier: Apache-2.0

/// Why the daemon says no.
///
/// Negative codes are those of JSON-RPC; positive ones are the daemon's own, and people see them as
/// `CPM-2103`.
public struct ControlError: Error, Sendable, Equatable {
  /// The number that scripts tell errors apart by.
  public var code: Int
  /// What is wrong, for people.
  public var message: String
  /// What to do about it; nil where that is obvious or unknown.
  public var fix: String?

  /// Creates an error.
  public init(code: Int, message: String, fix: String? = nil) {
    self.code = code
    self.message = message
    self.fix = fix
  }

  /// The line is not JSON.
  public static func notJSON(_ error: JSON.SyntaxError) -> ControlError {
    ControlError(code: -32_700, message: "the line is not JSON: \(error)")
  }

  /// The line is JSON and no request.
  public static func invalidRequest(_ message: String) -> ControlError {
    ControlError(code: -32_600, message: message)
  }

  /// The daemon has no such method.
  public static func noMethod(_ name: String) -> ControlError {
    ControlError(code: -32_601, message: "there is no method \"\(name.prefix(60))\"")
  }

  /// The method cannot make sense of its parameters.
  public static func invalidParameters(_ error: JSON.MismatchError) -> ControlError {
    ControlError(code: -32_602, message: "params: \(error)")
  }

  /// The daemon is at fault.
  public static func internalFault(_ message: String) -> ControlError {
    ControlError(code: -32_603, message: message)
  }

  /// The method changes something, and the caller may only look.
  public static let accessDenied = ControlError(
    code: 1001, message: "this user may only read",
    fix: "run as root, as the daemon's user or in its group")

  /// All connections are taken.
  public static let tooManyConnections = ControlError(
    code: 1002, message: "too many connections", fix: "close one, or try again")

  /// Somebody else has changed something since the peer looked.
  public static func generationConflict(expected: UInt64, actual: UInt64) -> ControlError {
    ControlError(
      code: 2001, message: "if_generation is \(expected), and generation \(actual) runs",
      fix: "look again, then decide again")
  }

  /// The change would leave a configuration that is none.
  public static func invalidChange(_ message: String, fix: String? = nil) -> ControlError {
    ControlError(code: 2002, message: message, fix: fix)
  }

  /// The change is one that only a new start makes.
  public static func needsRestart(_ what: String) -> ControlError {
    ControlError(
      code: 2003, message: "\(what) cannot change while frames flow",
      fix: "systemctl restart cpumapd, or leave it as it is")
  }

  /// A program could not be loaded.
  public static func programRefused(_ message: String) -> ControlError {
    ControlError(code: 2004, message: message)
  }

  /// The datapath refused the change; everything is as it was.
  public static func changeRefused(_ message: String) -> ControlError {
    ControlError(code: 2005, message: message)
  }

  /// There is nothing of that name.
  public static func unknown(_ kind: String, _ name: String, among names: [String]) -> ControlError
  {
    let list = names.isEmpty ? "there are none" : "there are: \(names.joined(separator: ", "))"
    return ControlError(
      code: 2006, message: "no \(kind) is named \"\(name.prefix(60))\"; \(list)")
  }

  /// The entry has run no other program before.
  public static func nothingToRollBack(_ entry: String) -> ControlError {
    ControlError(code: 2007, message: "entry \(entry) has run no other program before")
  }

  /// The peer kept the endpoint waiting.
  public static let overdue = ControlError(
    code: 1003, message: "nothing was heard, or nothing taken, for too long", fix: "connect again")
}

extension ControlError {
  /// The error as JSON-RPC carries it.
  public var json: JSON {
    var object: JSON.Object = ["code": .integer(code), "message": .string(message)]
    if let fix { object["data"] = ["fix": .string(fix)] }
    return .object(object)
  }

  /// Reads an error back from JSON-RPC.
  init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    self.init(
      code: try reader["code"].integer(), message: try reader["message"].string(),
      fix: try reader["data"]["fix"].ifPresent?.string())
  }
}

extension ControlError: CustomStringConvertible {
  /// One or two lines for people: the code, what is wrong, what to do.
  public var description: String {
    let number = code < 0 ? String(code) : "CPM-\(code)"
    let heading = "error[\(number)]: \(message.printable)"
    return fix.map { "\(heading)\n  fix: \($0.printable)" } ?? heading
  }
}
