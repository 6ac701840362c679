// SPDX-License-Identifier: Apache-2.0

/// What a peer may do.
public enum Access: String, Sendable {
  /// Look.
  case readOnly = "ro"
  /// Look and change.
  case readWrite = "rw"
}

/// The first line that an endpoint sends: who it is, and on which terms it talks.
public struct Hello: Sendable, Equatable {
  /// The version of the protocol; raised only when old clients would misunderstand.
  public static let api = 1

  /// The daemon's name.
  public var name: String
  /// The daemon's version.
  public var version: String
  /// The version of the protocol.
  public var api: Int
  /// The daemon's process.
  public var process: Int
  /// The longest line in either direction, in octets, without its newline.
  public var longestLine: Int
  /// What this peer may do.
  public var access: Access

  var json: JSON {
    [
      "hello": .string(name), "version": .string(version), "api": .integer(api),
      "pid": .integer(process), "max_line": .integer(longestLine),
      "access": .string(access.rawValue),
    ]
  }

  init(name: String, version: String, process: Int, longestLine: Int, access: Access) {
    self.name = name
    self.version = version
    api = Hello.api
    self.process = process
    self.longestLine = longestLine
    self.access = access
  }

  init(_ reader: JSON.Reader) throws(JSON.MismatchError) {
    name = try reader["hello"].string()
    version = try reader["version"].string()
    api = try reader["api"].integer()
    process = try reader["pid"].integer()
    longestLine = try reader["max_line"].integer()
    // A kind of access that this version does not know is no promise of more than looking.
    access = Access(rawValue: try reader["access"].string()) ?? .readOnly
  }
}

/// One call of a peer.
public struct Request: Sendable {
  /// What to do, such as `stats`.
  public var method: String
  /// With what; an empty object where the peer gave nothing.
  public var parameters: JSON
  /// What the peer may do; the endpoint has refused methods beyond it already.
  public var access: Access
  /// Where an answer goes that takes longer.
  public var ticket: Ticket
}

/// Where an answer goes: a peer, and the request that it waits for.
public struct Ticket: Sendable, Equatable {
  let connection: UInt64
  /// Nil for a notification, which nobody answers.
  let id: JSON?
}

/// A line from a peer, read as JSON-RPC 2.0.
struct Call {
  /// Nil for a notification, which nobody answers.
  let id: JSON?
  let method: String
  let parameters: JSON

  /// Why a line is no call, and the id to say so under.
  struct Failure: Error {
    var id: JSON
    var error: ControlError
  }

  /// Reads one line; a pure function of the octets.
  init(line: [UInt8]) throws(Failure) {
    let json: JSON
    do {
      json = try JSON(parsing: line)
    } catch {
      throw Failure(id: nil, error: .notJSON(error))
    }
    guard case .object(let object) = json else {
      throw Failure(id: nil, error: .invalidRequest("a request must be an object, one a line"))
    }
    id = object["id"]
    switch id {
    case nil, .null, .string, .integer, .number: break
    default: throw Failure(id: nil, error: .invalidRequest("id must be a string or a number"))
    }
    func fail(_ message: String) -> Failure {
      Failure(id: object["id"] ?? .null, error: .invalidRequest(message))
    }
    guard object["jsonrpc"] == "2.0" else { throw fail("jsonrpc must be \"2.0\"") }
    guard case .string(let method) = object["method"] else { throw fail("method must be a string") }
    self.method = method
    parameters = object["params"] ?? [:]
    switch parameters {
    case .object, .array: break
    default: throw fail("params must be an object or a list")
    }
  }

  /// The answer to a call, without newline.
  static func reply(to id: JSON, _ result: Result<JSON, ControlError>) -> [UInt8] {
    var object: JSON.Object = ["jsonrpc": "2.0", "id": id]
    switch result {
    case .success(let value): object["result"] = value
    case .failure(let error): object["error"] = error.json
    }
    return JSON.object(object).text
  }
}
