// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization
import Syscalls

@testable import Control

/// A path that no other test uses.
func temporaryPath() -> String {
  "/tmp/control-tests-\(getpid())-\(pathCounter.add(1, ordering: .relaxed).newValue).sock"
}

private let pathCounter = Atomic<Int>(0)

/// Somebody who writes octets into the control socket, well-formed or not, and never waits.
final class Peer {
  let socket: Socket
  private var input = LineBuffer(limit: 4 << 20)
  private(set) var isClosed = false

  init(_ path: String) throws {
    socket = try Socket(.unix, .stream)
    try socket.connect(path: path)
  }

  /// Sends what fits, and tells how much that was.
  @discardableResult
  func send(_ octets: [UInt8]) -> Int {
    var offset = 0
    while offset < octets.count {
      let rest = octets[offset...]
      // Safe: the buffer lives for the duration of the call.
      guard let count = unsafe rest.withUnsafeBytes({ unsafe try? socket.send($0) }) else { break }
      offset += count
    }
    return offset
  }

  @discardableResult
  func send(_ text: String) -> Int { send(Array(text.utf8)) }

  /// Says that nothing more will come.
  func closeInput() { _ = shutdown(socket.raw, Int32(SHUT_WR)) }

  /// Whether the other end has closed, without taking what it sent before.
  var isGone: Bool {
    guard let events = try? Poll.wait(socket.raw, for: [], timeout: .zero) else { return true }
    return events.contains(.hangUp)
  }

  /// Everything that has arrived, line by line.
  func lines() -> [String] {
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      // Safe: the buffer lives for the duration of the call.
      let result = unsafe chunk.withUnsafeMutableBytes { buffer in
        Result { try unsafe socket.receive(into: buffer) }
      }
      if case .success(let count?) = result, count > 0 {
        input.append(chunk[..<count])
        continue
      }
      if case .success(nil) = result {} else { isClosed = true }
      break
    }
    var lines: [String] = []
    while case .line(let line) = input.next() {
      lines.append(String(decoding: line, as: UTF8.self))
    }
    return lines
  }
}

extension Endpoint {
  /// Serves until nobody has anything to say any more.
  @discardableResult
  func settle(
    handler: (Request) -> Result<JSON, ControlError>? = { .success($0.parameters) }
  ) throws
    -> Int
  {
    var requests = 0
    var quiet = 0
    while quiet < 3 {
      let count = try poll(timeout: .zero, handler: handler)
      requests += count
      quiet = count == 0 ? quiet + 1 : 0
    }
    return requests
  }

  static func temporary(
    _ path: String, permissions: UInt32 = 0o600, timeLimits: TimeLimits = TimeLimits()
  ) throws -> Endpoint {
    var options = Options(path: path, version: "1.2.3", readOnlyMethods: ["look"])
    options.permissions = permissions
    options.timeLimits = timeLimits
    return try Endpoint(options)
  }
}

/// An endpoint on a thread of its own, for clients that wait.
struct RunningEndpoint: ~Copyable {
  let path: String
  private let stop: Flag
  private let thread: Thread

  final class Flag: Sendable {
    let value = Atomic<Int>(0)
  }

  init(
    permissions: UInt32 = 0o600, timeLimits: Endpoint.TimeLimits = Endpoint.TimeLimits(),
    handler: @escaping @Sendable (Request) -> Result<JSON, ControlError>? = {
      .success($0.parameters)
    }
  ) throws {
    let path = temporaryPath()
    let stop = Flag()
    let ready = Flag()
    self.path = path
    self.stop = stop
    thread = try Thread(name: "endpoint") {
      guard
        let endpoint = try? Endpoint.temporary(
          path, permissions: permissions, timeLimits: timeLimits)
      else {
        ready.value.store(-1, ordering: .releasing)
        return
      }
      ready.value.store(1, ordering: .releasing)
      while stop.value.load(ordering: .acquiring) == 0 {
        _ = try? endpoint.poll(timeout: .milliseconds(10), handler: handler)
      }
    }
    while ready.value.load(ordering: .acquiring) == 0 { sched_yield() }
  }

  deinit { stop.value.store(1, ordering: .releasing) }
}
