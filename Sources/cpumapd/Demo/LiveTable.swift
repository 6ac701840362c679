// SPDX-License-Identifier: Apache-2.0

import Control

/// The demo's picture of what goes on: redrawn in place on a terminal, a line a second elsewhere.
struct LiveTable {
  private var drawnLines = 0
  private var previous: Report?
  private let terminal: Terminal

  init(on terminal: Terminal) {
    self.terminal = terminal
  }

  /// Shows a report, and the rates since the last one.
  mutating func show(_ report: Report, headline: String) {
    let text = headline + "\n" + LiveTable.text(report, since: previous)
    previous = report
    guard terminal.isTerminal else {
      terminal.write(LiveTable.line(report, headline) + "\n")
      return
    }
    if drawnLines > 0 { terminal.write("\u{1B}[\(drawnLines)A\u{1B}[J") }
    terminal.write(text)
    drawnLines = text.utf8.count { $0 == UInt8(ascii: "\n") }
  }

  private static func line(_ report: Report, _ headline: String) -> String {
    let entries = report.entries.map { "\($0.id) \($0.processed)" }.joined(separator: "  ")
    let received = report.ports.reduce(0) { $0 + $1.rx }
    return "\(headline)  rx \(received)  \(entries)"
  }

  /// The tables of ports and entries.
  static func text(_ report: Report, since previous: Report?) -> String {
    let seconds = report.seconds - (previous?.seconds ?? 0)
    var ports = TextTable("PORT", "STATE", "RX", "RX/s", "TX", "DROP", "KERNEL DROP", "IN FLIGHT")
    for (position, port) in report.ports.enumerated() {
      let before = previous?.ports[position].rx ?? 0
      ports.add([
        port.name, port.state, "\(port.rx)",
        Figure.short(Double(port.rx - min(before, port.rx)) / max(seconds, 0.001)), "\(port.tx)",
        "\(port.drop.total)", "\(port.rxKernelDropped)", "\(port.inFlight)",
      ])
    }
    var entries = TextTable(
      "ENTRY", "CPU", "PROGRAM", "OFFERED", "RING DROP", "DEPTH", "PROCESSED", "PASS", "DROP", "TX")
    for entry in report.entries {
      entries.add([
        entry.id, "\(entry.cpu)", entry.programs.map { "\($0.id)@\($0.version)" }.joined(),
        "\(entry.offered)", "\(entry.ringDrop)", "\(entry.depth)", "\(entry.processed)",
        "\(entry.pass)", "\(entry.drop.total)", "\(entry.tx)",
      ])
    }
    return ports.text(indent: "  ") + entries.text(indent: "  ")
  }
}
