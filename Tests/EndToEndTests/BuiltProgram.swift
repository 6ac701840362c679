// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Testing

/// A program of this package, as it was built beside the tests.
struct BuiltProgram {
  let path: String

  init(_ name: String) throws {
    var room = [CChar](repeating: 0, count: 4_096)
    let count = unsafe readlink("/proc/self/exe", &room, room.count - 1)
    try #require(count > 0)
    let tests = String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = tests.split(separator: "/").dropLast().joined(separator: "/")
    path = "/" + folder + "/" + name
    try #require(unsafe access(path, X_OK) == 0, "\(path) was not built")
  }

  /// A program of the machine.
  init(at path: String) { self.path = path }

  /// Starts it in the calling thread's network namespace; its standard output is collected.
  func start(_ arguments: [String]) throws -> Running {
    var ends: (Int32, Int32) = (-1, -1)
    let made = unsafe withUnsafeMutableBytes(of: &ends) {
      unsafe pipe2($0.baseAddress?.assumingMemoryBound(to: Int32.self), O_CLOEXEC)
    }
    try #require(made == 0)
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawn_file_actions_adddup2(&actions, ends.1, 1)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    var process: pid_t = 0
    var words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
    let code = unsafe posix_spawn(&process, path, &actions, nil, &words, clinux_environment())
    unsafe words.forEach { unsafe free($0) }
    _ = Glibc.close(ends.1)
    try #require(code == 0)
    return Running(process: process, output: ends.0)
  }

  /// Runs it to its end.
  func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    try start(arguments).wait()
  }

  struct Running {
    let process: pid_t
    fileprivate let output: Int32

    func signal(_ number: Int32) {
      kill(process, number)
    }

    /// Waits for the end; answers the exit status, or 128 and the signal that ended it.
    func wait() -> (status: Int32, output: String) {
      var octets: [UInt8] = []
      var room = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = unsafe read(output, &room, room.count)
        guard count > 0 else { break }
        octets += room[..<count]
      }
      _ = Glibc.close(output)
      var status: Int32 = 0
      unsafe waitpid(process, &status, 0)
      let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
      return (code, String(decoding: octets, as: UTF8.self))
    }
  }
}

/// A file that goes when this value does.
final class TemporaryFile {
  let path: String

  init(_ text: String) throws {
    var template = Array("/tmp/xdpframe-test-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&template)
    try #require(descriptor >= 0)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let octets = Array(text.utf8)
    let written = unsafe write(descriptor, octets, octets.count)
    _ = Glibc.close(descriptor)
    try #require(written == octets.count)
  }

  deinit { unsafe unlink(path) }
}
