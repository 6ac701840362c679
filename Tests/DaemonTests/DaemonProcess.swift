// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Glibc
import Synchronization
import Syscalls
import Testing

/// The daemon as a service manager runs it, with what it writes to standard error.
final class DaemonProcess {
  let process: pid_t
  let socket: String
  let file: TemporaryFile
  /// What a service manager hears of it, from READY=1 on.
  let manager: NotifySocket
  private let errors: OutputPipe

  /// Starts it, and waits until it is ready.
  init(_ text: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
    file = try TemporaryFile(text)
    socket = file.path + ".sock"
    errors = try OutputPipe()
    manager = try NotifySocket()
    var environment = environment
    environment["NOTIFY_SOCKET"] = manager.path
    // Safe, to the end of the function: every pointer lives for the duration of the call that takes it.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, errors.write, 2)
    let path = "\(executableFolder())/cpumapd"
    let words = [path, "run", "-c", file.path, "--control", socket] + arguments
    var vector = unsafe words.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment.map { unsafe strdup("\($0)=\($1)") } + [nil]
    defer { unsafe (vector + variables).forEach { unsafe free($0) } }
    var started = pid_t()
    try #require(unsafe posix_spawn(&started, path, &actions, nil, &vector, &variables) == 0)
    process = started
    errors.closeWriting()
    do {
      try manager.wait(for: "READY=1", from: started)
    } catch {
      Issue.record("it ended: \(errors.readAll())")
      throw error
    }
  }

  /// Its status as the kernel tells it.
  func kernelStatus(_ thread: String? = nil) -> String {
    TextFile.contents("/proc/\(process)/\(thread.map { "task/\($0)/" } ?? "")status") ?? ""
  }

  /// The names of what is in one of its folders in `/proc`.
  func names(in folder: String) -> [String] {
    guard let stream = unsafe opendir("/proc/\(process)/\(folder)") else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      // Safe: the kernel ends the name with a zero.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
        unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  /// Ends it in order; answers its exit status and what it wrote to standard error.
  func stop() -> (status: Int32, errors: String) {
    kill(process, SIGTERM)
    let text = errors.readAll()
    var status: Int32 = 0
    // Safe: the kernel writes one number.
    unsafe waitpid(process, &status, 0)
    return (status & 0x7F == 0 ? status >> 8 & 0xFF : -1, text)
  }
}

/// Where a service manager would listen.
final class NotifySocket {
  let path: String
  private let socket: Socket
  private var heard: [String] = []

  init() throws {
    path = "/tmp/notify-\(getpid())-\(commandCounter.add(1, ordering: .relaxed).newValue).sock"
    socket = try Socket(.unix, .datagram)
    try socket.bind(path: path, permissions: 0o600)
  }

  // Safe: the kernel copies the path.
  deinit { _ = unsafe unlink(path) }

  struct Ended: Error {}

  /// Waits for a datagram that begins like this; those before it are forgotten.
  ///
  /// - Throws: ``Ended`` where the process that it is to come from has ended.
  func wait(for start: String, from process: pid_t? = nil) throws {
    while true {
      if let process, waitpid(process, nil, WNOHANG) == process { throw Ended() }
      while !heard.isEmpty { if heard.removeFirst().hasPrefix(start) { return } }
      _ = try Poll.wait(socket.raw, for: .readable, timeout: .milliseconds(100))
      var datagram = [UInt8](repeating: 0, count: 4_096)
      // Safe: the buffer lives for the duration of the call.
      let count = try unsafe datagram.withUnsafeMutableBytes { try unsafe socket.receive(into: $0) }
      if let count { heard.append(String(decoding: datagram[..<count], as: UTF8.self)) }
    }
  }
}
