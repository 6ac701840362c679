// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization
import Syscalls
import Testing

struct TemporaryFile: ~Copyable {
  let path: String

  init(_ text: String) throws { try self.init(octets: Array(text.utf8)) }

  init(octets: [UInt8]) throws {
    path =
      "/tmp/control-command-\(getpid())-\(commandCounter.add(1, ordering: .relaxed).newValue).yaml"
    let file = try FileDescriptor(opening: path, O_CREAT | O_EXCL | O_WRONLY)
    // Safe: the buffer lives for the duration of the call.
    _ = try unsafe octets.withUnsafeBytes { try unsafe file.write($0) }
  }

  // Safe: the kernel copies the path.
  deinit { _ = unsafe unlink(path) }
}

struct Output: Equatable {
  var status: Int32
  var out: String
  var error: String
}

/// Runs one of the package's executables, which lie beside this test.
func run(_ program: String, _ arguments: String...) throws -> Output {
  try run(program, arguments)
}

/// Runs one of the package's executables; standard input is empty unless there is a file for it.
func run(
  _ program: String, _ arguments: [String], input: String = "/dev/null"
) throws -> Output {
  let folder = executableFolder()
  let out = try OutputPipe()
  let error = try OutputPipe()
  // Safe, to the end of the function: every pointer lives for the duration of the call that takes it.
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
  unsafe posix_spawn_file_actions_adddup2(&actions, out.write, 1)
  unsafe posix_spawn_file_actions_adddup2(&actions, error.write, 2)
  var process = pid_t()
  let words = [program] + arguments
  var vector = unsafe words.map { unsafe strdup($0) } + [nil]
  defer { unsafe vector.forEach { unsafe free($0) } }
  let result = unsafe posix_spawn(
    &process, "\(folder)/\(program)", &actions, nil, &vector, Glibc.environ)
  #expect(result == 0, "\(folder)/\(program) did not start: \(Errno(rawValue: result))")
  out.closeWriting()
  error.closeWriting()
  // Neither output fills its pipe, so reading one after the other cannot block the program.
  let outText = out.readAll()
  let errorText = error.readAll()
  var status: Int32 = 0
  unsafe waitpid(process, &status, 0)
  return Output(
    status: status & 0x7F == 0 ? status >> 8 & 0xFF : -1, out: outText, error: errorText)
}

func executableFolder() -> String {
  var path = [CChar](repeating: 0, count: Int(PATH_MAX))
  // Safe: the kernel writes fewer octets than the array has.
  let count = unsafe readlink("/proc/self/exe", &path, path.count - 1)
  let text = String(
    decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  return String(text.prefix(upTo: text.lastIndex(of: "/") ?? text.startIndex))
}

/// A pipe whose write end a child gets.
final class OutputPipe {
  private let read: FileDescriptor
  private(set) var write: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    // Safe: the kernel writes two numbers.
    try #require(unsafe pipe2(&ends, Int32(O_CLOEXEC)) == 0)
    read = FileDescriptor(owning: ends[0])
    write = ends[1]
  }

  func closeWriting() { _ = close(write) }

  func readAll() -> String {
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      // Safe: the buffer lives for the duration of the call.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe try? read.read(into: $0) }
      guard let count, count > 0 else { break }
      octets += chunk[..<count]
    }
    return String(decoding: octets, as: UTF8.self)
  }
}

/// Runs one of the package's executables on a terminal of its own; answers what the terminal was sent.
func onTerminal(
  _ program: String, _ arguments: [String], environment: [String]
) throws -> String {
  let main = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)
  try #require(main >= 0 && grantpt(main) == 0 && unlockpt(main) == 0)
  let terminal = FileDescriptor(owning: main)
  var name = [CChar](repeating: 0, count: 128)
  // Safe, to the end of the function: every pointer lives for the duration of the call that takes it.
  try #require(unsafe ptsname_r(main, &name, name.count) == 0)
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe posix_spawn_file_actions_addopen(&actions, 1, &name, O_WRONLY | O_NOCTTY, 0)
  var process = pid_t()
  let path = "\(executableFolder())/\(program)"
  var vector = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
  var variables = unsafe environment.map { unsafe strdup($0) } + [nil]
  defer { unsafe (vector + variables).forEach { unsafe free($0) } }
  try #require(unsafe posix_spawn(&process, path, &actions, nil, &vector, &variables) == 0)
  var status: Int32 = 0
  unsafe waitpid(process, &status, 0)
  var octets = [UInt8](repeating: 0, count: 65_536)
  // A page is less than what a terminal holds back, so all of it is there.
  let count = unsafe octets.withUnsafeMutableBytes { unsafe (try? terminal.read(into: $0)) ?? 0 }
  return String(decoding: octets[..<count], as: UTF8.self)
}
