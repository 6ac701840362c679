// SPDX-License-Identifier: Apache-2.0

extension Report {
  /// What matters at a glance: one line for each port and entry, and whether the ledger balances.
  public var overviewText: String { portListText + "\n" + entryListText + "\n" + balanceText }

  /// The ports, a line each.
  public var portListText: String {
    var ports = TextTable([
      ("PORT", .left), ("KIND", .left), ("STATE", .left), ("RX", .right), ("TX", .right),
      ("DROPS", .right), ("REASON", .left),
    ])
    for port in self.ports {
      ports.add([
        port.name, port.kind, port.state, "\(port.rx)", "\(port.tx)", "\(port.drop.total)",
        port.reason ?? port.drop.topReason,
      ])
    }
    return ports.text()
  }

  /// The entries, a line each.
  public var entryListText: String {
    var entries = TextTable([
      ("ENTRY", .left), ("CPU", .right), ("STATE", .left), ("QUEUE", .right), ("PROCESSED", .right),
      ("DROPS", .right), ("PROGRAMS", .left),
    ])
    for entry in self.entries {
      entries.add([
        entry.id, "\(entry.cpu)", entry.state, entry.queueText, "\(entry.processed)",
        "\(entry.drop.total &+ entry.ringDrop)", entry.programText,
      ])
    }
    return entries.text()
  }

  /// Every counter, for each kind of object a table.
  public var statisticsText: String {
    [portTable, entryTable, dropTable, poolTable].map { $0.text() + "\n" }.joined() + balanceText
  }

  /// Where every buffer is, and every law with its numbers.
  public var ledgerText: String {
    let wrong = Set(lawViolations().map(\.subject))
    let width = equations.map(\.subject.count).max() ?? 0
    let laws = equations.map { equation in
      let mark =
        wrong.contains(equation.subject) && equation.sum != equation.stated.value ? "!" : " "
      return "\(mark) \(equation.subject.printable.padded(to: width))  \(equation)\n"
    }
    return poolTable.text() + "\n" + laws.joined() + "\n" + balanceText
  }

  /// One line when the ledger balances, else one for each violation.
  public var balanceText: String {
    let violations = lawViolations()
    guard !violations.isEmpty else {
      return "ledger: every frame and every buffer is accounted for, unaccounted 0\n"
    }
    let lines = violations.map { "ledger: \($0)".printable + "\n" }
    return lines.joined() + "ledger: unaccounted \(unaccounted)\n"
  }
}

// MARK: - Tables

extension Report {
  private var portTable: TextTable {
    var table = TextTable(
      "PORT", "RX", "KERNEL DROPPED", "PASS", "DROP", "XDP_TX", "REDIRECT", "ABORTED", "TX",
      "TX ERRORS", "INVALID", "IN FLIGHT")
    for port in ports {
      let counts = [
        port.rx, port.rxKernelDropped, port.pass, port.drop.total, port.xdpTx, port.redirect,
        port.aborted, port.tx, port.txErrors, port.invalidDescriptors, port.inFlight,
      ]
      table.add([port.name] + counts.map(String.init))
    }
    return table
  }

  private var entryTable: TextTable {
    var table = TextTable(
      "ENTRY", "CPU", "OFFERED", "ENQ", "RING DROP", "DEPTH", "PROCESSED", "PASS", "DROP", "TX",
      "REDIRECT", "ABORTED")
    for entry in entries {
      let counts = [
        entry.offered, entry.enqueued, entry.ringDrop, entry.depth, entry.processed, entry.pass,
        entry.drop.total, entry.tx, entry.redirect, entry.aborted,
      ]
      table.add([entry.id, "\(entry.cpu)"] + counts.map(String.init))
    }
    return table
  }

  private var dropTable: TextTable {
    var table = TextTable([("DROPPED BY", .left), ("REASON", .left), ("FRAMES", .right)])
    for port in ports {
      for (reason, frames) in port.drop.elements {
        table.add(["port \(port.name)", reason, "\(frames)"])
      }
    }
    for entry in entries {
      for (reason, frames) in entry.drop.elements {
        table.add(["entry \(entry.id)", reason, "\(frames)"])
      }
    }
    return table
  }

  private var poolTable: TextTable {
    let states = BufferState.allCases
    let titles =
      ["POOL", "CAPACITY"] + states.map { $0.rawValue.uppercased() }
      + ["DOUBLE FREE", "STALE", "ABANDONED"]
    var table = TextTable(
      titles.enumerated().map { (title: $1, alignment: $0 == 0 ? .left : .right) })
    for pool in pools {
      let faults = [pool.doubleFree, pool.stale, pool.abandoned]
      table.add(
        [pool.name, "\(pool.capacity)"] + (states.map { pool[$0] } + faults).map(String.init))
    }
    return table
  }
}

extension Report.Entry {
  /// How full the queue is: `3%`, or the number of frames where its size is not told.
  var queueText: String {
    guard queueSize > 0 else { return "\(depth)" }
    return Figure.fixed(100 * Double(depth) / Double(queueSize), digits: 0) + "%"
  }

  /// The programs in order: `acl>nat@2`, the version only once it was replaced.
  var programText: String {
    let names = programs.map { $0.version == 1 ? $0.id : "\($0.id)@\($0.version)" }
    return names.isEmpty ? "-" : names.joined(separator: ">")
  }
}

extension DropCounts {
  /// The reason with the most frames; empty without any.
  var topReason: String { elements.max { $0.frames < $1.frames }?.reason ?? "" }
}
