// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// The books of one entry at one moment; exact when quiet.
///
/// `offered = enqueued + ringDrop`, `enqueued = processed + depth`, and `processed` is the sum of the verdicts.
public struct EntryReport: Equatable, Sendable {
  /// The entry's name.
  public let name: String
  /// The CPU of its worker.
  public let cpu: Int
  /// The most frames in its queue.
  public let queueCapacity: Int
  /// Frames offered to it.
  public let offered: UInt64
  /// Frames that its queue took.
  public let enqueued: UInt64
  /// Frames that its queue had no room for.
  public let ringDrop: UInt64
  /// Frames in the queue.
  public let depth: UInt64
  /// Frames that the worker took out.
  public let processed: UInt64
  /// Frames passed.
  public let pass: UInt64
  /// Frames sent back out.
  public let transmit: UInt64
  /// Frames redirected on.
  public let redirect: UInt64
  /// Frames whose program failed.
  public let aborted: UInt64
  /// Frames dropped, by reason.
  public let drops: [DropReason: UInt64]
  /// How often the worker was woken.
  public let wakeups: UInt64
  /// The program that runs; nil for none.
  public let program: ProgramLabel?

  /// Reads an entry's counters, those that come later in a frame's life first, so that none is missing.
  public init(_ entry: CPUMapEntry) {
    let tally = entry.tally
    pass = tally[.pass]
    transmit = tally[.transmit]
    redirect = tally[.redirect]
    aborted = tally[.aborted]
    drops = DropReason.allCases.reduce(into: [:]) { if tally[$1] > 0 { $0[$1] = tally[$1] } }
    processed = tally[.received]
    depth = UInt64(entry.depth)
    enqueued = entry.offers[.enqueued]
    ringDrop = entry.offers[Tally.Item.ringFull]
    offered = entry.offers[.offered]
    name = entry.name
    cpu = entry.cpu
    queueCapacity = entry.queueCapacity
    wakeups = entry.parking.counts.wakeups
    program = entry.program.label
  }
}
