// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Glibc
import Synchronization
import Syscalls
import Testing

/// The daemon from outside, as root and others meet it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct DaemonProcessTests {
  private static let text = """
    version: 1
    memory: {frames: 1024}
    ports: [{name: wan, kind: generator, rate: 2000}]
    programs: {d: {kind: swift, type: Drop}}
    entries: [{name: w1, cpu: \(CPUSet.allowed.processors.last ?? 0), qsize: 512, program: d}]

    """

  @Test(.enabled(if: geteuid() == 0, "only root can become another user"))
  func aThousandConnectionsLeaveNoDescriptorBehind() throws {
    let daemon = try DaemonProcess(Self.text)
    let path = daemon.socket
    // Threads open what they sleep on when they begin.
    while try Report(json: try Self.stats(path)).entries[0].processed == 0 { usleep(10_000) }
    let before = daemon.names(in: "fd").count
    // Five hundred of somebody else: silent, half a line, or a line without end. None lets go by itself.
    let hostile = try held(500, path)
    // Five hundred of root: two places are theirs, whatever the others do.
    for number in 0..<500 {
      var client = try Client(path: path, timeout: .seconds(60))
      if number.isMultiple(of: 50) {
        let report = try Report(json: try client.call("stats"))
        #expect(report.processes.map(\.role) == ["daemon"])
      }
    }
    #expect(daemon.names(in: "fd").count > before)
    hostile.sockets.withLock { $0 = [] }
    // The connection of whoever asked last may have been among those before.
    while daemon.names(in: "fd").count > before { usleep(10_000) }
    #expect(daemon.stop().status == 0)
  }

  private static func stats(_ path: String) throws -> JSON {
    var client = try Client(path: path, timeout: .seconds(60))
    return try client.call("stats")
  }

  private func held(_ count: Int, _ path: String) throws -> HeldSockets {
    let held = HeldSockets()
    let thread = try Thread(name: "nobody") {
      guard clinux_set_thread_user(65_534) == 0 else { return }
      for number in 0..<count {
        while true {
          guard let socket = try? Socket(.unix, .stream), (try? socket.connect(path: path)) != nil
          else { usleep(1_000); continue }
          let text = ["", #"{"jsonrpc":"#, String(repeating: "x", count: 70_000)][number % 3]
          // Safe: the buffer lives for the duration of the call.
          _ = unsafe Array(text.utf8).withUnsafeBytes { unsafe try? socket.send($0) }
          let kept = HeldSocket(socket)
          held.sockets.withLock { $0.append(kept) }
          break
        }
      }
    }
    thread.join()
    #expect(held.sockets.withLock { $0.count } == count)
    return held
  }

  @Test(.enabled(if: geteuid() == 0, "only root has privileges to give up"))
  func noThreadKeepsAPrivilege() throws {
    let daemon = try DaemonProcess(Self.text)
    let threads = daemon.names(in: "task")
    #expect(threads.count > 3)
    for thread in threads {
      let status = daemon.kernelStatus(thread)
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        #expect(status.contains("\(set):\t0000000000000000\n"), "\(set) of \(thread)")
      }
      #expect(status.contains("NoNewPrivs:\t1\n"))
    }
    // Changes start threads, and load programs, without any.
    var client = try Client(path: daemon.socket)
    _ = try client.call("entry.add", ["entry": ["name": "w2", "cpu": 0]])
    #expect(daemon.stop().status == 0)
  }

  @Test func aServiceManagerHearsOfEachStep() throws {
    let daemon = try DaemonProcess(
      Self.text, ["--log-format", "journal"], environment: ["WATCHDOG_USEC": "200000"])
    let listener = daemon.manager
    try listener.wait(for: "STATUS=generation 1, 1 entries")
    try listener.wait(for: "WATCHDOG=1")
    try listener.wait(for: "WATCHDOG=1")
    try ControlledWiring.write(Self.text.replacing("512", with: "256"), to: daemon.file.path)
    kill(daemon.process, SIGHUP)
    try listener.wait(for: "RELOADING=1")
    try listener.wait(for: "READY=1")
    var client = try Client(path: daemon.socket)
    let report = try Report(json: try client.call("stats"))
    #expect(report.generation == 2)
    #expect(report.entries.map(\.queueSize) == [256])
    let end = daemon.stop()
    #expect(end.status == 0)
    try listener.wait(for: "STOPPING=1")
    #expect(
      end.errors.contains("<5>notice: changed generation=2 what=~ entries[w1].qsize: 512 -> 256\n"))
  }

  @Test func metricsAreFetchedByHTTP() throws {
    let path = "/tmp/metrics-\(getpid()).sock"
    let daemon = try DaemonProcess(
      Self.text.replacing("memory:", with: "daemon: {metrics: \"unix:\(path)\"}\nmemory:"),
      ["--log-format", "json"])
    let socket = try Socket(.unix, .stream, nonblocking: false)
    try socket.connect(path: path)
    // Safe: the buffers live for the duration of the calls.
    _ = try unsafe Array("GET /metrics HTTP/1.1\r\n\r\n".utf8).withUnsafeBytes {
      try unsafe socket.send($0)
    }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while let count = try unsafe chunk.withUnsafeMutableBytes({
      try unsafe socket.receive(into: $0)
    }),
      count > 0
    { answer += chunk[..<count] }
    let text = String(decoding: answer, as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.contains("\ncpumapd_entry_queue_capacity{entry=\"w1\"} 512\n"))
    #expect(text.hasSuffix("\n# EOF\n"))
    let end = daemon.stop()
    #expect(end.status == 0)
    // Above the log stands what the configuration was warned of; the log is an object a line.
    for line in end.errors.split(separator: "\n") where line.hasPrefix("{") {
      #expect(throws: Never.self) { try JSON(parsing: String(line)) }
    }
    #expect(end.errors.contains(#"{"level":"info","message":"ready","#))
    #expect(unsafe access(path, F_OK) != 0)
  }
}

private final class HeldSockets: Sendable {
  let sockets = Mutex<[HeldSocket]>([])
}

/// A socket in an array, which cannot hold the socket itself.
private final class HeldSocket: Sendable {
  private let socket: Socket
  init(_ socket: consuming Socket) { self.socket = socket }
}
