// SPDX-License-Identifier: Apache-2.0

public import Syscalls

/// Why a client got no answer.
public enum ClientError: Error, Sendable, Equatable {
  /// Nobody can be reached at the path.
  case unreachable(path: String, Errno)
  /// The daemon did not answer in time.
  case timedOut
  /// The daemon closed the connection.
  case closed
  /// What came is not the protocol; the text says what is wrong.
  case garbled(String)
  /// The daemon speaks another version of the protocol.
  case incompatible(api: Int)
  /// The daemon answered, and the answer is no.
  case refused(ControlError)

  /// What a command exits with.
  public var status: ExitStatus {
    if case .refused = self { .refused } else { .unavailable }
  }
}

extension ClientError: CustomStringConvertible {
  /// What went wrong, for people.
  public var description: String {
    switch self {
    case .unreachable(let path, let errno):
      "no daemon at \(path.printable): \(errno)\n  fix: start it, or give its socket with -s"
    case .timedOut: "the daemon did not answer in time"
    case .closed: "the daemon closed the connection"
    case .garbled(let message): "the daemon's answer makes no sense: \(message.printable)"
    case .incompatible(let api):
      "the daemon speaks version \(api) of the protocol, this client version \(Hello.api)"
    case .refused(let error): "\(error)"
    }
  }
}

/// The other side of the control socket: connects, and calls methods one after the other.
///
/// Waits, unlike the endpoint: a command has nothing else to do.
public struct Client: ~Copyable {
  /// What the daemon said about itself.
  public let hello: Hello
  private var lines: LineSocket
  private var nextID = 1
  private let timeout: Duration

  /// Connects and reads the daemon's hello.
  ///
  /// - Parameters:
  ///   - path: The path of the socket.
  ///   - timeout: The longest to wait for the hello, and later for each answer.
  /// - Throws: Every case but a garbled answer to a call; `refused` where the daemon has too many peers.
  public init(path: String, timeout: Duration = .seconds(5)) throws(ClientError) {
    let deadline = Deadline(timeout)
    var lines = try LineSocket(path, deadline)
    let reader = JSON.Reader(try lines.receive(deadline))
    try Client.checkRefusal(reader)
    let hello: Hello
    do {
      hello = try Hello(reader)
    } catch {
      throw .garbled("\(error)")
    }
    guard hello.api == Hello.api else { throw .incompatible(api: hello.api) }
    self.hello = hello
    self.lines = lines
    self.timeout = timeout
  }

  /// Calls a method and waits for its answer.
  ///
  /// - Throws: `ClientError.refused` where the daemon says no; after any other error the client is of no
  ///   more use.
  public mutating func call(_ method: String, _ parameters: JSON = [:]) throws(ClientError) -> JSON
  {
    let deadline = Deadline(timeout)
    let id = JSON.integer(nextID)
    nextID += 1
    try lines.send(
      ["jsonrpc": "2.0", "id": id, "method": .string(method), "params": parameters], deadline)
    let reply = JSON.Reader(try lines.receive(deadline))
    try Client.checkRefusal(reply)
    guard reply["id"].value == id else { throw .garbled("it answers another request") }
    guard let result = reply["result"].value else {
      throw .garbled("it has neither result nor error")
    }
    return result
  }

  private static func checkRefusal(_ reply: JSON.Reader) throws(ClientError) {
    guard let reader = reply["error"].ifPresent else { return }
    let refusal: ControlError
    do {
      refusal = try ControlError(reader)
    } catch {
      throw .garbled("\(error)")
    }
    throw .refused(refusal)
  }
}
