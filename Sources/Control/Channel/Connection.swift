// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls

/// One peer of an endpoint: its socket, the lines it sends, the answers that wait for it.
///
/// Belongs to the endpoint's thread. Nothing here waits: a peer that does not read its answers is not read
/// either, so it costs what its two buffers hold and delays nobody.
final class Connection {
  /// The longest line in either direction, in octets.
  static let longestLine = 1 << 20
  /// Answers that wait beyond this stop the next request from being taken.
  static let outputMark = 256 << 10
  /// What is read or sent at once.
  private static let chunk = 64 << 10

  let socket: Socket
  let access: Access
  /// What the endpoint last asked the kernel to watch.
  var watched: PollEvents = []
  private var input = LineBuffer(limit: longestLine)
  private var output: [UInt8] = []
  private var sent = 0
  /// No more requests: the peer has closed its side, or broke the rules.
  private(set) var isInputClosed = false
  /// No more answers: the peer is gone.
  private var isOutputClosed = false

  init(_ socket: consuming Socket, access: Access) {
    self.socket = socket
    self.access = access
  }

  private var pending: Int { output.count - sent }

  /// Whether another request may be taken.
  private var hasRoom: Bool { pending < Connection.outputMark }

  /// Whether the connection has served its purpose.
  var isFinished: Bool { isInputClosed && (pending == 0 || isOutputClosed) }

  /// What there is to wait for.
  var interest: PollEvents {
    var events: PollEvents = []
    // Reading stops at one line's worth, so that a peer that is ahead of us waits in its own buffers.
    if !isInputClosed, hasRoom, input.count <= Connection.longestLine { events.insert(.readable) }
    if pending > 0, !isOutputClosed { events.insert(.writable) }
    return events
  }

  /// Takes in what the peer has sent, a chunk at most.
  func receive() {
    guard !isInputClosed else { return }
    // Safe: the buffer lives for the duration of the call, and only what was received is looked at.
    unsafe withUnsafeTemporaryAllocation(byteCount: Connection.chunk, alignment: 1) { buffer in
      do {
        guard let count = try unsafe socket.receive(into: buffer) else { return }
        if count == 0 {
          isInputClosed = true
        } else {
          unsafe input.append(buffer[..<count])
        }
      } catch {
        isInputClosed = true
        discardOutput()
      }
    }
  }

  /// Nobody is at the other end any more: what it asked for is done, what it would be told is not said.
  func discardOutput() {
    isOutputClosed = true
    output = []
    sent = 0
  }

  /// Appends a line for the peer.
  func send(_ line: [UInt8]) {
    guard !isOutputClosed else { return }
    // A peer that keeps reading and never catches up must not make the buffer grow for ever.
    if sent > output.count / 2 {
      output.removeSubrange(..<sent)
      sent = 0
    }
    output.append(contentsOf: line)
    output.append(UInt8(ascii: "\n"))
  }

  /// Sends what the peer's socket takes.
  func flush() {
    while pending > 0, !isOutputClosed {
      // Safe: the buffer lives for the duration of the call.
      let count = unsafe output.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[sent...].prefix(Connection.chunk))
        return Result { () throws(SystemCallError) in try unsafe socket.send(rest) }
      }
      switch count {
      case .success(let count?): sent += count
      case .success(nil): return
      // What it asked for before it vanished is done all the same.
      case .failure: discardOutput()
      }
    }
    output.removeAll(keepingCapacity: output.capacity <= Connection.outputMark)
    sent = 0
  }

  /// The next complete line of the peer, if it may be answered now.
  func nextLine() -> [UInt8]? {
    guard hasRoom else { return nil }
    switch input.next() {
    case .line(let line): return line
    case .incomplete: return isInputClosed ? lastLine() : nil
    case .tooLong:
      send(Call.reply(to: nil, .failure(.invalidRequest("a line is longer than max_line"))))
      isInputClosed = true
      _ = input.takeRest()
      return nil
    }
  }

  /// A line whose newline never came counts all the same: `printf` is a client too.
  private func lastLine() -> [UInt8]? {
    let rest = input.takeRest()
    return rest.isEmpty ? nil : rest
  }
}
