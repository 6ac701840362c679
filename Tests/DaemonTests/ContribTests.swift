// SPDX-License-Identifier: Apache-2.0

import Control
import Glibc
import Testing

@testable import cpumapd

/// What operators copy: each file is read, and names only what there is.
@Suite struct ContribTests {
  private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  private static func contents(_ path: String) throws -> String {
    let file = try FileText("\(root)/contrib/\(path)")
    return file.text
  }

  /// The metrics that a daemon has, by the names of their samples.
  private static var metrics: Set<String> {
    var report = Report(mode: .memory, seconds: 1)
    report.balance = 1
    var port = Report.Port(name: "p", kind: "memory")
    port.drop["prog_drop"] = 1
    var entry = Report.Entry(id: "e", cpu: 0)
    entry.busyNanoseconds = 1
    entry.programs = [Report.Program(id: "x")]
    report.ports = [port]
    report.entries = [entry]
    report.pools = [Report.Pool(name: "p", capacity: 1)]
    let samples = report.openMetrics.split(separator: "\n").filter { !$0.hasPrefix("#") }
    return Set(samples.map { String($0.prefix { $0 != "{" && $0 != " " }) })
  }

  private static func names(in text: String) -> Set<String> {
    Set(text.matches(of: #/cpumapd_[a-z_]+/#).map { String($0.output) })
  }

  @Test func theDashboardShowsMetricsThatThereAre() throws {
    let text = try Self.contents("grafana/cpumapd.json")
    let dashboard = try JSON(parsing: text)
    guard case .array(let panels)? = dashboard["panels"] else {
      Issue.record("there are no panels")
      return
    }
    #expect(panels.count > 10)
    for panel in panels {
      guard case .array(let targets)? = panel["targets"] else { continue }
      for target in targets {
        guard case .string(let expression)? = target["expr"] else { continue }
        #expect(Self.names(in: expression).isSubset(of: Self.metrics), "\(expression)")
        #expect(!Self.names(in: expression).isEmpty)
      }
    }
    #expect(Self.names(in: text).isSubset(of: Self.metrics))
  }

  @Test func theAlertsWatchMetricsThatThereAre() throws {
    let text = try Self.contents("prometheus/cpumapd.rules.yaml")
    let collector = DiagnosticCollector(machine: nil)
    let file = try #require(Configuration.compose(text, collector))
    let group = try #require(file["groups"]?.list()?.first?.mapping())
    let rules = try #require(group["rules"]?.list()).compactMap { $0.mapping() }
    #expect(rules.count >= 8)
    for rule in rules {
      #expect(rule["alert"]?.text()?.hasPrefix("Cpumapd") == true)
      let expression = try #require(rule["expr"]?.text())
      #expect(!Self.names(in: expression).isEmpty)
      #expect(Self.names(in: expression).isSubset(of: Self.metrics), "\(expression)")
      let severity = rule["labels"]?.mapping()?["severity"]?.text()
      #expect(["warning", "critical"].contains(severity))
      #expect(rule["annotations"]?.mapping()?["summary"]?.text() != nil)
    }
    #expect(!collector.hasErrors)
  }

  @Test(.enabled(if: hasSystemdAnalyze, "systemd-analyze is not installed"))
  func theUnitIsSoundAndLittleExposed() throws {
    let unit = "\(Self.root)/contrib/systemd/cpumapd.service"
    let out = "/tmp/unit-\(getpid()).txt"
    // Safe: the C string lives for the duration of the call.
    let command =
      "systemd-analyze security --offline=yes --threshold=30 --no-pager '\(unit)' >\(out) 2>&1"
    #expect(unsafe system(command) == 0)
    let text = try FileText(out).text
    #expect(text.contains("Overall exposure level for cpumapd.service"), "\(text)")
    // What it would execute, and its manual, are not installed where it is tested.
    _ = unsafe system(
      "systemd-analyze verify '\(unit)' 2>&1 | grep -vE 'is not executable|man ' >\(out)")
    #expect(try FileText(out).text == "")
    _ = unsafe unlink(out)
  }

  @Test func theSampleIsAConfiguration() throws {
    let text = try Self.contents("cpumapd.yaml")
    #expect(throws: Never.self) {
      try Configuration.parse(text, fileName: "cpumapd.yaml", machine: nil)
    }
  }

  @Test(.timeLimit(.minutes(2))) func whatIsInstalledIsWholeAndLeavesTheOperatorsFileAlone() throws
  {
    let folder = "/tmp/install-\(getpid())"
    defer { _ = unsafe system("rm -rf '\(folder)'") }
    let command =
      "cd '\(Self.root)' && DESTDIR='\(folder)' PREFIX=/opt/x BINARIES='\(executableFolder())' scripts/install"
    // Safe: the C string lives for the duration of the call.
    #expect(unsafe system(command) == 0)
    for path in [
      "opt/x/bin/cpumapd", "opt/x/bin/cpumapctl", "opt/x/share/man/man5/cpumapd.yaml.5",
      "opt/x/share/zsh/site-functions/_cpumapctl", "etc/cpumapd/cpumapd.yaml",
      "opt/x/share/fish/vendor_completions.d/cpumapd.fish", "opt/x/share/doc/cpumapd/Operations.md",
    ] { #expect(unsafe access("\(folder)/\(path)", F_OK) == 0, "\(path)") }
    let manual = try FileText("\(folder)/opt/x/share/man/man1/cpumapctl.1").text
    for words in ["Ss entry drain", "Ss prog rollback", "Ss which", "It Fl Fl if-generation"] {
      #expect(manual.contains(".\(words)"), "\(words)")
    }
    let unit = try FileText("\(folder)/opt/x/lib/systemd/system/cpumapd.service").text
    #expect(unit.contains("ExecStart=/opt/x/bin/cpumapd run"))
    #expect(!unit.contains("/usr/bin"))
    let completions = "\(folder)/opt/x/share/bash-completion/completions/cpumapctl"
    #expect(unsafe system("bash -n '\(completions)'") == 0)
    let mine = "version: 1 # mine"
    try ControlledWiring.write(mine, to: "\(folder)/etc/cpumapd/cpumapd.yaml")
    #expect(unsafe system(command) == 0)
    #expect(try FileText("\(folder)/etc/cpumapd/cpumapd.yaml").text == mine)
  }

  private static var hasSystemdAnalyze: Bool {
    // Safe: the C string lives for the duration of the call.
    unsafe system("systemd-analyze --version >/dev/null 2>&1") == 0
  }
}

/// A file of text.
private struct FileText {
  let text: String

  init(_ path: String) throws {
    // Safe: the stream is this function's own.
    guard let stream = unsafe fopen(path, "r") else {
      text = ""
      Issue.record("\(path) cannot be read")
      return
    }
    defer { unsafe fclose(stream) }
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe fread(&chunk, 1, chunk.count, stream)
      guard count > 0 else { break }
      octets += chunk[..<count]
    }
    text = String(decoding: octets, as: UTF8.self)
  }
}
