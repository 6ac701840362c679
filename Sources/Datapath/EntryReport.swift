// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// The books of one entry at one moment; exact when quiet.
///
/// `offered = enqueued + ringDrop`, `enqueued = processed + depth`, and `processed` is the sum of the verdicts. What
/// entries of the same name counted before is included.
public struct EntryReport: Equatable, Sendable {
  /// The entry's name.
  public internal(set) var name: String
  /// The CPU of its worker.
  public let cpu: Int
  /// The most frames in its queue.
  public let queueCapacity: Int
  /// Frames offered to it.
  public private(set) var offered: UInt64
  /// Frames that its queue took.
  public private(set) var enqueued: UInt64
  /// Frames that its queue had no room for.
  public private(set) var ringDrop: UInt64
  /// Frames in the queue.
  public private(set) var depth: UInt64
  /// Frames that the worker took out.
  public private(set) var processed: UInt64
  /// Frames passed.
  public private(set) var pass: UInt64
  /// Frames sent back out.
  public private(set) var transmit: UInt64
  /// Frames redirected on.
  public private(set) var redirect: UInt64
  /// Frames whose program failed.
  public private(set) var aborted: UInt64
  /// Frames dropped, by reason.
  public private(set) var drops: [DropReason: UInt64]
  /// Ring slots that named a buffer which was not the entry's; counted as drops too.
  public private(set) var stale: UInt64
  /// How often the sleeping worker was woken.
  public private(set) var wakeups: UInt64
  /// How often the worker went to sleep.
  public private(set) var sleeps: UInt64
  /// Nanoseconds that the worker spent on frames, those in which the kernel ran something else on its CPU included.
  public private(set) var busyNanoseconds: UInt64
  /// The program that runs; nil for none.
  public let program: ProgramLabel?

  /// Reads an entry's counters, those that come later in a frame's life first, so that none is missing.
  public init(_ entry: CPUMapEntry) {
    let tally = entry.tally
    pass = tally[.pass]
    transmit = tally[.transmit]
    redirect = tally[.redirect]
    aborted = tally[.aborted]
    drops = tally.drops
    stale = tally[.stale]
    busyNanoseconds = tally[.busyNanoseconds]
    processed = tally[.received]
    depth = UInt64(entry.depth)
    enqueued = entry.offers[.enqueued]
    ringDrop = entry.offers[Tally.Item.ringFull]
    offered = entry.offers[.offered]
    name = entry.name
    cpu = entry.cpu
    queueCapacity = entry.queueCapacity
    (wakeups, sleeps) = entry.parking.counts
    program = entry.program.label
  }

  /// Adds what an entry counted that had the name before.
  mutating func add(_ former: EntryReport) {
    offered += former.offered
    enqueued += former.enqueued
    ringDrop += former.ringDrop
    depth += former.depth
    processed += former.processed
    pass += former.pass
    transmit += former.transmit
    redirect += former.redirect
    aborted += former.aborted
    drops.merge(former.drops, uniquingKeysWith: +)
    stale += former.stale
    wakeups += former.wakeups
    sleeps += former.sleeps
    busyNanoseconds += former.busyNanoseconds
  }
}

extension Tally {
  /// The drops by reason, without those that never happened.
  var drops: [DropReason: UInt64] {
    DropReason.allCases.reduce(into: [:]) { if self[$1] > 0 { $0[$1] = self[$1] } }
  }
}
