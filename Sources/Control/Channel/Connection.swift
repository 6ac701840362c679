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
  /// Whether root is at the other end.
  let isRoot: Bool
  /// What the endpoint last asked the kernel to watch.
  var watched: PollEvents = []
  private var input = LineBuffer(limit: longestLine)
  private var output: [UInt8] = []
  private var sent = 0
  /// No more requests: the peer has closed its side, or broke the rules.
  private(set) var isInputClosed = false
  /// No more answers: the peer is gone.
  private var isOutputClosed = false
  /// Whether an answer is being worked on elsewhere; until it comes, nothing more is taken.
  var isWaiting = false {
    didSet { if oldValue, !isWaiting { asked = MonotonicClock.now } }
  }
  /// When the last whole request was taken; before the first, when the peer connected.
  private var asked = MonotonicClock.now
  private var hasAsked = false
  /// When the first octet of the line came that is not whole yet; 0 without one.
  private var lineBegan: UInt64 = 0
  /// When the peer last took some of its answers, or when the first came that it has to take.
  private var progressed: UInt64 = 0

  init(_ socket: consuming Socket, access: Access, isRoot: Bool) {
    self.socket = socket
    self.access = access
    self.isRoot = isRoot
  }

  private var pending: Int { output.count - sent }

  /// Whether another request may be taken.
  private var hasRoom: Bool { pending < Connection.outputMark && !isWaiting }

  /// Whether the connection has served its purpose.
  var isFinished: Bool { isInputClosed && !isWaiting && (pending == 0 || isOutputClosed) }

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
          if lineBegan == 0 { lineBegan = MonotonicClock.now }
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
    if pending == 0 { progressed = MonotonicClock.now }
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
      case .success(let count?):
        sent += count
        progressed = MonotonicClock.now
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
    case .line(let line):
      asked = MonotonicClock.now
      hasAsked = true
      lineBegan = input.count == 0 ? 0 : asked
      return line
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

// MARK: - Time

extension Connection {
  /// Whether the peer has kept us waiting for longer than it may.
  ///
  /// What waits in the input because answers are not taken is not held against the line: it is the answers'
  /// time that runs then.
  func isOverdue(at now: UInt64, _ limits: Endpoint.TimeLimits) -> Bool {
    if isWaiting { return false }
    if pending > 0 { return now &- progressed > limits.answer }
    if lineBegan != 0 { return now &- lineBegan > limits.request }
    return now &- asked > (hasAsked ? limits.silence : limits.request)
  }
}
