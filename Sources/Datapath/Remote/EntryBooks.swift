// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The books of all entries that a map has or had, by name.
///
/// A counter that an operator reads never goes backwards: what an entry counted stays in the books when it is replaced
/// or removed, under its name.
final class EntryBooks: Sendable {
  private struct State {
    var open: [CPUMapEntry] = []
    var closed: [EntryReport] = []
    var collective: EntryReport?
  }

  /// The names of removed entries that are kept apart; the oldest beyond that are added up.
  static let nameLimit = 1_024
  /// The name under which those are added up.
  static let collectiveName = "(removed)"

  private let state = Mutex(State())

  /// The entries that are in the map, or on their way out of it.
  var open: [CPUMapEntry] { state.withLock { $0.open } }

  /// Opens the books of an entry, before anybody can redirect to it.
  func open(_ entry: CPUMapEntry) {
    state.withLock { $0.open.append(entry) }
  }

  /// Closes the books of an entry whose worker has ended.
  func close(_ entry: CPUMapEntry) {
    let report = EntryReport(entry)
    state.withLock { state in
      state.open.removeAll { $0 === entry }
      state.closed.add(report)
      guard state.closed.count > EntryBooks.nameLimit else { return }
      var oldest = state.closed.removeFirst()
      oldest.name = EntryBooks.collectiveName
      if let collective = state.collective { oldest.add(collective) }
      state.collective = oldest
    }
  }

  /// What is in the books: a report for each name, those of entries that exist last.
  var reports: [EntryReport] {
    let (open, closed, collective) = state.withLock { ($0.open, $0.closed, $0.collective) }
    let former = (collective.map { [$0] } ?? []) + closed
    return open.reduce(into: former) { $0.add(EntryReport($1)) }
  }
}

extension [EntryReport] {
  /// Adds a report to the one of the same name, which takes its place at the end, or as a new one.
  fileprivate mutating func add(_ report: EntryReport) {
    var report = report
    if let position = firstIndex(where: { $0.name == report.name }) {
      report.add(remove(at: position))
    }
    append(report)
  }
}
