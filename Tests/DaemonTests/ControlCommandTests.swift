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

  @Test func listsAreThePartsOfTheObject() throws {
    let daemon = try FakeDaemon(.balanced)
    let stats = Report.balanced.json
    let entries = try run("cpumapctl", "-s", daemon.path, "entry", "list", "--json")
    #expect(try JSON(parsing: entries.out)["entries"] == stats["entries"])
    #expect(try run("cpumapctl", "entry", "-s", daemon.path).out == Report.balanced.entryListText)
    let ports = try run("cpumapctl", "-s", daemon.path, "port", "list", "--json")
    #expect(try JSON(parsing: ports.out)["ports"] == stats["ports"])
    #expect(try run("cpumapctl", "port", "-s", daemon.path).out == Report.balanced.portListText)
  }

  @Test func dropsAreTheLargestFirst() throws {
    var report = Report.balanced
    #expect(Drops(report).text == "nothing was dropped\n")
    report.ports[0].rxKernelDropped = 5
    report.entries[0].ringDrop = 9
    report.entries[0].drop["prog_drop"] = 7
    let daemon = try FakeDaemon(report)
    #expect(
      try run("cpumapctl", "-s", daemon.path, "drops").out == """
        DROPPED BY  REASON         FRAMES
        entry w1    ring_full           9
        entry w1    prog_drop           7
        port wan    rx_fill_empty       5

        """)
    let json = try JSON(parsing: try run("cpumapctl", "-s", daemon.path, "drops", "--json").out)
    #expect(json["total"] == 21)
  }

  @Test func topPrintsPlainLinesIntoAPipe() throws {
    let daemon = try FakeDaemon(.balanced)
    let page = try run("cpumapctl", "-s", daemon.path, "top", "--once", "-i", "0.1")
    #expect(page.status == 0)
    #expect(!page.out.contains("\u{1b}"))
    #expect(page.out.contains("\nENTRY  CPU  LOAD  QUEUE  FRAMES/s  DROPS/s  PROGRAMS\nw1 "))
    let json = try run("cpumapctl", "-s", daemon.path, "top", "--once", "-i", "0.1", "--json")
    #expect(json.out == "\(Report.balanced.json)\n")
    #expect(try run("cpumapctl", "top", "-i", "0").status == 64)
  }

  @Test(arguments: [true, false])
  func topIsColouredOnATerminalThatWantsColours(hasColours: Bool) throws {
    var report = Report.balanced
    report.entries[0].ringDrop = 9
    let daemon = try FakeDaemon(.balanced, then: report, after: 1)
    let arguments = ["-s", daemon.path, "top", "--once", "-i", "0.1"]
    let environment = ["TERM=xterm"] + (hasColours ? [] : ["NO_COLOR=1"])
    let shown = try onTerminal("cpumapctl", arguments, environment: environment)
    #expect(shown.contains("\u{1b}[1m") == hasColours)
    #expect(shown.contains("ENTRY"))
  }

  @Test func changesSendWhatWasAskedForAndShowWhatHasChanged() throws {
    let asked = Mutex<[String]>([])
    let daemon = try FakeDaemon { request in
      asked.withLock { $0.append("\(request.method) \(request.parameters)") }
      return .success(
        ["generation": 7, "changes": ["~ x: 1 -> 2"], "took_us": 12, "ring_drop": 0])
    }
    let commands: [([String], String)] = [
      (
        ["entry", "add", "w3", "--cpu", "3", "--qsize", "64", "--program", "p"],
        #"entry.add {"entry":{"name":"w3","cpu":3,"qsize":64,"program":"p"},"unsteered":false}"#
      ),
      (
        ["entry", "rm", "w3", "--if-generation", "6"],
        #"entry.rm {"entry":"w3","if_generation":6}"#
      ),
      (["entry", "set", "w3", "--qsize", "9"], #"entry.set {"entry":"w3","set":{"qsize":9}}"#),
      (["entry", "drain", "w3", "--undo"], #"entry.drain {"entry":"w3","undo":true}"#),
      (["prog", "swap", "w3", "nat"], #"prog.swap {"entry":"w3","program":"nat"}"#),
      (["prog", "rollback", "w3"], #"prog.rollback {"entry":"w3"}"#),
      (
        ["prog", "load", "c", "--kind", "swift", "--type", "Count", "--args", "verdict=drop"],
        #"prog.load {"name":"c","definition":{"kind":"swift","type":"Count","args":{"verdict":"drop"}}}"#
      ),
      (
        ["prog", "load", "n", "--kind", "so", "--file", "/n.so", "--args", "a=b", "--set", "x=1"],
        #"prog.load {"name":"n","definition":{"kind":"so","file":"/n.so","args":"a=b","x":"1"}}"#
      ),
      (["reload"], "reload {}"),
    ]
    for (words, request) in commands {
      let result = try run("cpumapctl", ["-s", daemon.path] + words)
      #expect(
        result
          == Output(
            status: 0,
            out: "~ x: 1 -> 2\ngeneration 7, in 12 us; no frame found a queue full\n", error: ""))
      #expect(asked.withLock { $0.popLast() } == request)
    }
    let trial = try run("cpumapctl", "-s", daemon.path, "reload", "--dry-run")
    #expect(trial.out == "~ x: 1 -> 2\n")
    #expect(asked.withLock { $0.popLast() } == #"reload {"dry_run":true}"#)
    #expect(try run("cpumapctl", "-s", daemon.path, "entry", "set", "w3").status == 64)
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
    let requests = RequestCount()
    try self.init { request in
      let number = requests.count.add(1, ordering: .relaxed).newValue
      guard let report = number > count ? later : report else {
        return .failure(.noMethod(request.method))
      }
      return .success(request.method == "status" ? Self.status(report).json : report.json)
    }
  }

  private final class RequestCount: Sendable {
    let count = Atomic(0)
  }

  init(answering answer: @escaping @Sendable (Request) -> Result<JSON, ControlError>) throws {
    let path =
      "/tmp/control-command-\(getpid())-\(commandCounter.add(1, ordering: .relaxed).newValue).sock"
    let stop = Stop()
    let ready = Stop()
    self.path = path
    self.stop = stop
    thread = try Thread(name: "fake-daemon") {
      let options = Endpoint.Options(path: path, version: "0.1.0", readOnlyMethods: [])
      let endpoint = try? Endpoint(options)
      ready.flag.store(true, ordering: .releasing)
      while let endpoint, !stop.flag.load(ordering: .acquiring) {
        _ = try? endpoint.poll(timeout: .milliseconds(10), handler: answer)
      }
    }
    while !ready.flag.load(ordering: .acquiring) { sched_yield() }
  }

  deinit { stop.flag.store(true, ordering: .releasing) }
}

let commandCounter = Atomic<Int>(0)
