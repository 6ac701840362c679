// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Glibc
import Synchronization
import Syscalls
import Testing

/// The two executables as an operator runs them.
@Suite struct ControlCommandTests {
  @Test func statsPrintsTheDaemonsObject() throws {
    let daemon = try FakeDaemon(.balanced)
    let result = try run("cpumapctl", "-s", daemon.path, "stats", "--json")
    #expect(result == Output(status: 0, out: "\(Report.balanced.json)\n", error: ""))
    let text = try run("cpumapctl", "stats", "-s", daemon.path)
    #expect(text == Output(status: 0, out: Report.balanced.statisticsText, error: ""))
  }

  @Test func statusPrintsWhoRuns() throws {
    let daemon = try FakeDaemon(.balanced)
    let result = try run("cpumapctl", "status", "-s", daemon.path)
    #expect(result.status == 0)
    #expect(result.out.hasPrefix("cpumapd 0.1.0  pid 7  up 1m 1s  mode memory  /etc/x.yaml\n"))
    let json = try run("cpumapctl", "--json", "-s", daemon.path, "status")
    #expect(json.out == "\(FakeDaemon.status(.balanced).json)\n")
  }

  @Test func ethtoolNamesComeByPort() throws {
    let daemon = try FakeDaemon(.balanced)
    let result = try run("cpumapctl", "-s", daemon.path, "stats", "--ethtool", "wan")
    #expect(
      result == Output(status: 0, out: Report.balanced.ports[0].ethtool.text, error: ""))
    let missing = try run("cpumapctl", "-s", daemon.path, "stats", "--ethtool", "w\u{1b}n")
    #expect(
      missing
        == Output(
          status: 1, out: "",
          error: "cpumapctl: no port is named \"w\u{FFFD}n\"; there are: wan\n"))
  }

  @Test func framesCheckTellsByItsExitCode() throws {
    let balanced = try FakeDaemon(.balanced)
    #expect(try run("cpumapctl", "-s", balanced.path, "frames", "--check").status == 0)
    var report = Report.balanced
    report.ports[0].rx += 1
    let wrong = try FakeDaemon(report)
    #expect(try run("cpumapctl", "-s", wrong.path, "frames").status == 0)
    let result = try run("cpumapctl", "-s", wrong.path, "frames", "--check", "--json")
    #expect(result.status == 3)
    #expect(try JSON(parsing: result.out)["unaccounted"] == 1)
  }

  @Test func framesCheckWaitsForFramesOnTheirWay() throws {
    var report = Report.balanced
    report.ports[0].rx += 1
    let settling = try FakeDaemon(report, then: .balanced, after: 3)
    #expect(try run("cpumapctl", "-s", settling.path, "frames", "--check").status == 0)
  }

  @Test func whatGoesWrongHasItsExitCode() throws {
    let nobody = try run("cpumapctl", "-s", "/tmp/nonexistent.sock", "stats")
    #expect(
      nobody
        == Output(
          status: 69, out: "",
          error:
            "cpumapctl: no daemon at /tmp/nonexistent.sock: ENOENT (No such file or directory)\n"
            + "  fix: start it, or give its socket with -s\n"))
    let refusing = try FakeDaemon(nil)
    #expect(
      try run("cpumapctl", "-s", refusing.path, "stats")
        == Output(
          status: 1, out: "", error: "cpumapctl: error[-32601]: there is no method \"stats\"\n"))
    #expect(try run("cpumapctl", "stats", "--bogus").status == 64)
    #expect(try run("cpumapctl", "--version").out == "0.1.0\n")
  }

  @Test func checkHasItsExitCodes() throws {
    let good = try TemporaryFile(
      "{version: 1, ports: [{name: p, kind: memory}], entries: [{name: w, cpu: 0}]}\n")
    let accepted = try run("cpumapd", "check", good.path)
    #expect(accepted.status == 0)
    #expect(accepted.out == "\(good.path): ok, 2 warnings\n")
    #expect(accepted.error.contains("warning: CPU 0 is a housekeeping CPU"))
    #expect(
      try run("cpumapd", "check", good.path, "--explain").out.contains("capabilities: none\n"))

    let bad = try TemporaryFile("version: 1\nprots: []\n")
    let refused = try run("cpumapd", "check", bad.path)
    #expect(refused.status == 78)
    #expect(refused.out == "")
    #expect(
      refused.error.contains("unknown key \"prots\" in the file; did you mean \"ports\"?"))
    let json = try run("cpumapd", "check", "--json", bad.path)
    #expect(json.status == 78)
    #expect(try JSON(parsing: json.out)["ok"] == false)

    let latin = try TemporaryFile(octets: [0x61, 0x3A, 0x20, 0xE9])
    let encoding = try run("cpumapd", "check", latin.path)
    #expect(
      encoding
        == Output(status: 78, out: "", error: "\(latin.path): error: the file is not UTF-8\n"))
    let missing = try run("cpumapd", "check", "/nonexistent.yaml")
    #expect(missing.status == 66)
    #expect(missing.error == "cpumapd: /nonexistent.yaml: ENOENT (No such file or directory)\n")
    #expect(try run("cpumapd", "check", "/").status == 66)
    #expect(try run("cpumapd", "check").status == 64)
  }
}

extension Report {
  fileprivate static var balanced: Report {
    var port = Report.Port(name: "wan", kind: "memory")
    port.rx = 5
    port.redirect = 5
    port.ethtool[.receiveRedirect] = 5
    var entry = Report.Entry(id: "w1", cpu: 1)
    entry.offered = 5
    entry.enqueued = 5
    entry.processed = 5
    entry.pass = 5
    var pool = Report.Pool(name: "wan", capacity: 4)
    pool[.free] = 4
    return Report(mode: .memory, seconds: 1.5, ports: [port], entries: [entry], pools: [pool])
  }
}

/// A real endpoint that answers with made-up statistics.
private struct FakeDaemon: ~Copyable {
  let path: String
  private let stop: Stop
  private let thread: Thread

  private final class Stop: Sendable {
    let flag = Atomic<Bool>(false)
  }

  static func status(_ report: Report) -> Status {
    Status(
      version: "0.1.0", process: 7, uptimeSeconds: 61, configuration: "/etc/x.yaml", report: report)
  }

  // Nil answers that there is no such method; `later` is what it answers after `count` requests.
  init(_ report: Report?, then later: Report? = nil, after count: Int = .max) throws {
    let path =
      "/tmp/control-command-\(getpid())-\(counter.add(1, ordering: .relaxed).newValue).sock"
    let stop = Stop()
    let ready = Stop()
    self.path = path
    self.stop = stop
    thread = try Thread(name: "fake-daemon") {
      let options = Endpoint.Options(path: path, version: "0.1.0", readOnlyMethods: [])
      let endpoint = try? Endpoint(options)
      ready.flag.store(true, ordering: .releasing)
      var requests = 0
      while let endpoint, !stop.flag.load(ordering: .acquiring) {
        _ = try? endpoint.poll(timeout: .milliseconds(10)) { request in
          requests += 1
          guard let report = requests > count ? later : report else {
            return .failure(.noMethod(request.method))
          }
          return .success(request.method == "status" ? Self.status(report).json : report.json)
        }
      }
    }
    while !ready.flag.load(ordering: .acquiring) { sched_yield() }
  }

  deinit { stop.flag.store(true, ordering: .releasing) }
}

private let counter = Atomic<Int>(0)

private struct TemporaryFile: ~Copyable {
  let path: String

  init(_ text: String) throws { try self.init(octets: Array(text.utf8)) }

  init(octets: [UInt8]) throws {
    path = "/tmp/control-command-\(getpid())-\(counter.add(1, ordering: .relaxed).newValue).yaml"
    let file = try FileDescriptor(opening: path, O_CREAT | O_EXCL | O_WRONLY)
    // Safe: the buffer lives for the duration of the call.
    _ = try unsafe octets.withUnsafeBytes { try unsafe file.write($0) }
  }

  // Safe: the kernel copies the path.
  deinit { _ = unsafe unlink(path) }
}

private struct Output: Equatable {
  var status: Int32
  var out: String
  var error: String
}

/// Runs one of the package's executables, which lie beside this test.
private func run(_ program: String, _ arguments: String...) throws -> Output {
  let folder = executableFolder()
  let out = try OutputPipe()
  let error = try OutputPipe()
  // Safe, to the end of the function: every pointer lives for the duration of the call that takes it.
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
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

private func executableFolder() -> String {
  var path = [CChar](repeating: 0, count: Int(PATH_MAX))
  // Safe: the kernel writes fewer octets than the array has.
  let count = unsafe readlink("/proc/self/exe", &path, path.count - 1)
  let text = String(
    decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  return String(text.prefix(upTo: text.lastIndex(of: "/") ?? text.startIndex))
}

/// A pipe whose write end a child gets.
private final class OutputPipe {
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
