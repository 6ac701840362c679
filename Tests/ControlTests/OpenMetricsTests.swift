// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Control

@Suite struct OpenMetricsTests {
  @Test func theReportIsWellFormed() throws {
    var report = Report.sample
    report.generation = 7
    report.balance = 1.25
    let families = try Exposition(report.openMetrics).families
    #expect(families["cpumapd_config_generation"]?.samples.map(\.value) == [7])
    #expect(families["cpumapd_balance_ratio"]?.samples.map(\.value) == [1.25])
    #expect(families["cpumapd_frames_unaccounted"]?.samples.map(\.value) == [0])
    let frames = try #require(families["cpumapd_port_frames"])
    #expect(frames.kind == "counter")
    #expect(
      frames.samples.map(\.labels) == [
        ["port": "wan", "direction": "rx"], ["port": "wan", "direction": "tx"],
        ["port": "lan", "direction": "rx"], ["port": "lan", "direction": "tx"],
      ])
    #expect(frames.samples.map(\.value) == [100, 9, 0, 0])
    let program = try #require(families["cpumapd_program"])
    #expect(program.samples.map { $0.labels["program"] } == ["acl", "count"])
    #expect(program.samples.allSatisfy { $0.value == 1 })
    let drops = try #require(families["cpumapd_drop_frames"])
    #expect(
      drops.samples.reduce(0) { $0 + $1.value }
        == Double(
          report.ports.reduce(0) { $0 + $1.drop.total }
            + report.entries.reduce(0) { $0 + $1.drop.total + $1.ringDrop }))
  }

  @Test func anEmptyReportIsWellFormedToo() throws {
    let families = try Exposition(Report(mode: .memory, seconds: 0).openMetrics).families
    #expect(families["cpumapd_build"]?.samples.map(\.labels) == [["version": Release.version]])
    #expect(families["cpumapd_balance_ratio"] == nil)
  }

  @Test func labelsCannotBreakOut() throws {
    var metrics = OpenMetrics()
    metrics.family("x", .counter, "Help.")
    metrics.sample(["a": "q\"}\\\n x_total 9", "b": ""], 3 as UInt64)
    #expect(
      metrics.text == """
        # TYPE x counter
        # HELP x Help.
        x_total{a="q\\"}\\\\\\n x_total 9",b=""} 3
        # EOF

        """)
    let sample = try #require(try Exposition(metrics.text).families["x"]?.samples.first)
    #expect(sample.labels == ["a": "q\"}\\\n x_total 9", "b": ""])
  }

  @Test(arguments: [
    ("unix:/run/m.sock", ScrapeAddress.unix("/run/m.sock")),
    ("tcp:127.0.0.1:9817", .ipv4(9_817)), ("tcp:[::1]:1", .ipv6(1)), ("unix:m.sock", nil),
    ("tcp:0.0.0.0:9817", nil), ("tcp:127.0.0.1:0", nil), ("tcp:127.0.0.1:65536", nil),
    ("tcp:127.0.0.1:+1", nil), ("tcp:127.0.0.1", nil), ("", nil),
  ])
  func addressesAreOfThisMachine(text: String, address: ScrapeAddress?) {
    #expect(ScrapeAddress(text) == address)
    if let address { #expect("\(address)" == text) }
  }
}

/// OpenMetrics text read strictly: what a scraper would refuse throws.
struct Exposition {
  struct Family {
    var kind: String
    var samples: [Sample] = []
  }

  struct Sample {
    var labels: [String: String]
    var value: Double
  }

  struct Refusal: Error {
    let line: String
  }

  private(set) var families: [String: Family] = [:]
  private var current = ""

  init(_ text: String) throws {
    guard text.hasSuffix("\n# EOF\n") else { throw Refusal(line: "no end") }
    var seen: Set<String> = []
    for line in text.dropLast("# EOF\n".count).split(separator: "\n") {
      if line.hasPrefix("# ") {
        try take(comment: line.split(separator: " ", maxSplits: 3).map(String.init))
      } else {
        guard seen.insert(try take(sample: String(line))).inserted else {
          throw Refusal(line: "twice: \(line)")
        }
      }
    }
  }

  private mutating func take(comment words: [String]) throws {
    guard words.count == 4 else { throw Refusal(line: words.joined()) }
    switch words[1] {
    case "TYPE":
      // A family's lines stand together.
      guard families[words[2]] == nil, ["counter", "gauge", "info"].contains(words[3]) else {
        throw Refusal(line: words.joined(separator: " "))
      }
      current = words[2]
      families[current] = Family(kind: words[3])
    case "HELP":
      guard words[2] == current, words[3].hasSuffix(".") else { throw Refusal(line: words[2]) }
    case "UNIT":
      guard words[2] == current, current.hasSuffix("_\(words[3])") else {
        throw Refusal(line: words[2])
      }
    default: throw Refusal(line: words[1])
    }
  }

  private mutating func take(sample line: String) throws -> String {
    guard let family = families[current] else { throw Refusal(line: line) }
    let suffix = ["counter": "_total", "info": "_info"][family.kind] ?? ""
    guard line.hasPrefix(current + suffix), let space = line.lastIndex(of: " "),
      let value = Double(line[line.index(after: space)...]), value >= 0
    else { throw Refusal(line: line) }
    let series = String(line[..<space])
    let rest = series.dropFirst((current + suffix).count)
    families[current]?.samples.append(Sample(labels: try Self.labels(rest, line), value: value))
    return series
  }

  private static func labels(_ text: Substring, _ line: String) throws -> [String: String] {
    guard !text.isEmpty else { return [:] }
    guard text.hasPrefix("{"), text.hasSuffix("}") else { throw Refusal(line: line) }
    var labels: [String: String] = [:]
    var rest = text.dropFirst().dropLast()
    while !rest.isEmpty {
      guard let end = rest.range(of: "=\"") else { throw Refusal(line: line) }
      let name = String(rest[..<end.lowerBound])
      rest = rest[end.upperBound...]
      var value = ""
      while let character = rest.popFirst(), character != "\"" {
        guard character == "\\" else { value.append(character); continue }
        switch rest.popFirst() {
        case "n": value.append("\n")
        case "\\": value.append("\\")
        case "\"": value.append("\"")
        default: throw Refusal(line: line)
        }
      }
      guard labels.updateValue(value, forKey: name) == nil else { throw Refusal(line: line) }
      if rest.first == "," { rest = rest.dropFirst() }
    }
    return labels
  }
}

extension Substring {
  fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}
