// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// The books of a datapath at one moment.
///
/// While packets flow the counters are read one by one, those first that come later in a packet's life, so that a
/// packet may be missing in what it became but never in what it was. When everything is quiet the laws hold exactly.
public struct Snapshot: Equatable, Sendable {
  /// The books of each port that was added, in that order.
  public let ports: [PortReport]
  /// The books of each entry, those removed first.
  public let entries: [EntryReport]
}

extension Datapath {
  /// Reads the books; any thread, at any time.
  public func snapshot() -> Snapshot {
    // Entries first: a frame counts as redirected before it is offered, so none is found offered and not redirected.
    let entries = entryReports
    let loops = loops
    let ports = ports.map { port in
      PortReport(
        directory.reference(to: port), loops.filter { $0.port === port }.map { $0.tally })
    }
    return Snapshot(ports: ports, entries: entries)
  }

  /// The books of all entries, by name: those that were removed, and those in the map.
  public var entryReports: [EntryReport] { cpuMap.books.reports }
}
