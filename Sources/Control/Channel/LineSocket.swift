// SPDX-License-Identifier: Apache-2.0

import Syscalls

/// The moment until which to wait.
struct Deadline {
  private let end: UInt64

  init(_ timeout: Duration) { end = MonotonicClock.now &+ UInt64(timeout.nanoseconds) }

  /// What is left; nil when the time is over.
  var remaining: Duration? {
    let now = MonotonicClock.now
    return now < end ? .nanoseconds(Int64(clamping: end - now)) : nil
  }
}

/// A connected socket that carries JSON, one value a line, and waits with a deadline.
struct LineSocket: ~Copyable {
  private let socket: Socket
  private var input = LineBuffer(limit: Connection.longestLine)

  init(_ path: String, _ deadline: Deadline) throws(ClientError) {
    do {
      socket = try LineSocket.connect(path, deadline)
    } catch {
      throw .unreachable(path: path, error.errno)
    }
  }

  private static func connect(
    _ path: String, _ deadline: Deadline
  ) throws(SystemCallError) -> Socket {
    while true {
      let socket = try Socket(.unix, .stream)
      do {
        try socket.connect(path: path)
        return socket
      } catch {
        // A local socket does not tell when its queue has room again, so this can only ask once more.
        guard error.errno == .wouldBlock, deadline.remaining != nil else { throw error }
        _ = try Poll.wait(socket.raw, for: [], timeout: .milliseconds(10))
      }
    }
  }

  mutating func send(_ value: JSON, _ deadline: Deadline) throws(ClientError) {
    let line = value.text + [UInt8(ascii: "\n")]
    var offset = 0
    while offset < line.count {
      // Safe: the buffer lives for the duration of the call.
      let result = unsafe line[offset...].withUnsafeBytes { bytes in
        Result { () throws(SystemCallError) in try unsafe socket.send(bytes) }
      }
      switch result {
      case .success(let count?): offset += count
      case .success(nil): try wait(for: .writable, deadline)
      // What the daemon said before it closed is still to be read, and says more than a broken pipe.
      case .failure: return
      }
    }
  }

  mutating func receive(_ deadline: Deadline) throws(ClientError) -> JSON {
    while true {
      switch input.next() {
      case .line(let line): return try LineSocket.parse(line)
      case .tooLong: throw .garbled("a line is longer than \(Connection.longestLine) octets")
      case .incomplete: try fill(deadline)
      }
    }
  }

  private static func parse(_ line: [UInt8]) throws(ClientError) -> JSON {
    do {
      return try JSON(parsing: line)
    } catch {
      throw .garbled("\(error)")
    }
  }

  private mutating func fill(_ deadline: Deadline) throws(ClientError) {
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    // Safe: the buffer lives for the duration of the call.
    let result = unsafe chunk.withUnsafeMutableBytes { bytes in
      Result { () throws(SystemCallError) in try unsafe socket.receive(into: bytes) }
    }
    switch result {
    case .success(let count?) where count > 0: input.append(chunk[..<count])
    case .success(nil): try wait(for: .readable, deadline)
    case .success, .failure: throw .closed
    }
  }

  private func wait(for events: PollEvents, _ deadline: Deadline) throws(ClientError) {
    guard let remaining = deadline.remaining else { throw .timedOut }
    do {
      _ = try Poll.wait(socket.raw, for: events, timeout: remaining)
    } catch {
      throw .closed
    }
  }
}
