// SPDX-License-Identifier: Apache-2.0

/// A report that is drawn again and again, as rates since the last time.
///
/// On a terminal each drawing replaces the one before it; anywhere else each is one line that says the
/// essentials, so that a log stays readable.
public struct LiveView: Sendable {
  private let title: String
  private let isTerminal: Bool
  private var previous: Report?
  private var linesDrawn = 0

  /// Creates a view that has drawn nothing.
  ///
  /// - Parameters:
  ///   - title: What is shown, such as `cpumapd demo steer`.
  ///   - isTerminal: Whether drawings may replace one another.
  public init(title: String, isTerminal: Bool) {
    self.title = title
    self.isTerminal = isTerminal
  }

  /// What to write to show a report now.
  public mutating func draw(_ report: Report, on screen: Screen) -> String {
    defer { previous = report }
    let rates = Rates(report, since: previous)
    guard isTerminal else { return screen.line(summary(rates)) + "\n" }
    let lines = [screen.line(summary(rates), .bold), ""] + tables(rates, screen)
    // Up to the first line of the last drawing; then every line is erased before it is written.
    let home = linesDrawn > 0 ? "\u{1b}[\(linesDrawn)A" : ""
    linesDrawn = lines.count
    return home + "\r" + lines.map { "\u{1b}[2K\($0)\n" }.joined() + "\u{1b}[J"
  }

  /// Remembers a report, to be compared with the next one.
  public mutating func see(_ report: Report) { previous = report }

  /// The whole of a report, line by line, whatever is at the other end.
  public mutating func page(_ report: Report, on screen: Screen) -> String {
    defer { previous = report }
    let rates = Rates(report, since: previous)
    let lines = [screen.line(summary(rates), .bold), ""] + tables(rates, screen)
    return lines.map { $0 + "\n" }.joined()
  }

  private func summary(_ rates: Rates) -> String {
    let ports = rates.report.ports.indices
    let entries = rates.report.entries.indices
    let received = ports.reduce(0) { $0 + rates.port($1, \.rx) }
    let transmitted = ports.reduce(0) { $0 + rates.port($1, \.tx) }
    let dropped =
      ports.reduce(0) { $0 + rates.port($1, \.drop.total) }
      + entries.reduce(0) { $0 + rates.entry($1, \.dropped) }
    return
      "\(title)  \(Figure.span(seconds: rates.report.seconds))  mode \(rates.report.mode.rawValue)"
      + "  rx \(Figure.short(received))/s  tx \(Figure.short(transmitted))/s"
      + "  drops \(Figure.short(dropped))/s"
  }

  private func tables(_ rates: Rates, _ screen: Screen) -> [String] {
    portTable(rates).lines(on: screen) + [""] + entryTable(rates).lines(on: screen)
  }

  private func portTable(_ rates: Rates) -> TextTable {
    var table = TextTable([
      ("PORT", .left), ("STATE", .left), ("RX/s", .right), ("TX/s", .right), ("DROPS/s", .right),
      ("MOSTLY", .left),
    ])
    for (index, port) in rates.report.ports.enumerated() {
      let drops = rates.port(index, \.drop.total)
      let figures = [rates.port(index, \.rx), rates.port(index, \.tx), drops].map(Figure.short)
      table.add(
        [port.name, port.state] + figures + [drops > 0 ? port.drop.topReason : ""],
        style: drops > 0 || port.state != "up" ? .red : .plain)
    }
    return table
  }

  private func entryTable(_ rates: Rates) -> TextTable {
    var table = TextTable([
      ("ENTRY", .left), ("CPU", .right), ("LOAD", .left), ("QUEUE", .right), ("FRAMES/s", .right),
      ("DROPS/s", .right), ("PROGRAMS", .left),
    ])
    for (index, entry) in rates.report.entries.enumerated() {
      let load = rates.load(index)
      let drops = rates.entry(index, \.dropped)
      table.add(
        [
          entry.id, "\(entry.cpu)", load.map(LiveView.bar) ?? "-", entry.queueText,
          Figure.short(rates.entry(index, \.processed)), Figure.short(drops), entry.programText,
        ], style: drops > 0 ? .red : (load ?? 0) > 0.9 ? .yellow : .plain)
    }
    return table
  }

  /// A bar of ten columns in eighths, and the percentage: `████▌░░░░░  45%`.
  static func bar(_ load: Double) -> String {
    let eighths = Int((min(max(load, 0), 1) * 80).rounded())
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    let filled = String(repeating: "█", count: eighths / 8) + partial
    let percent = Figure.fixed(min(max(load, 0), 1) * 100, digits: 0) + "%"
    return filled + String(repeating: "░", count: 10 - filled.count) + percent.padded(to: 5, .right)
  }
}

extension Report.Entry {
  fileprivate var dropped: UInt64 { drop.total &+ ringDrop }
}

/// Differences to an earlier report, per second.
private struct Rates {
  let report: Report
  private let previous: Report?
  private let seconds: Double

  init(_ report: Report, since previous: Report?) {
    self.report = report
    self.previous = previous
    seconds = report.seconds - (previous?.seconds ?? 0)
  }

  func port(_ index: Int, _ counter: KeyPath<Report.Port, UInt64>) -> Double {
    let port = report.ports[index]
    let before = previous?.ports.first { $0.name == port.name }
    return rate(port[keyPath: counter], before?[keyPath: counter])
  }

  func entry(_ index: Int, _ counter: KeyPath<Report.Entry, UInt64>) -> Double {
    let entry = report.entries[index]
    let before = previous?.entries.first { $0.id == entry.id }
    return rate(entry[keyPath: counter], before?[keyPath: counter])
  }

  /// The share of the time that a worker was busy, 0...1; nil when not measured.
  func load(_ index: Int) -> Double? {
    let entry = report.entries[index]
    guard let busy = entry.busyNanoseconds else { return nil }
    let before = previous?.entries.first { $0.id == entry.id }?.busyNanoseconds
    return min(1, rate(busy, before) / 1e9)
  }

  /// A counter that went back was started anew, so all of it is new.
  private func rate(_ now: UInt64, _ before: UInt64?) -> Double {
    let before = before ?? 0
    guard seconds > 0 else { return 0 }
    return Double(now >= before ? now - before : now) / seconds
  }
}
