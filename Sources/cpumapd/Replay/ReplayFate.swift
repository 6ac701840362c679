// SPDX-License-Identifier: Apache-2.0

import XDPFrame

/// How one packet ended at one place, by that place's own ledger.
struct ReplayFate {
  /// How often it was received there, which is once.
  var received: UInt64 = 0
  /// How often it ended there, one way or another.
  var ended: UInt64 = 0
  /// What the program answered; nil where none ran, or its answer was no verdict.
  var verdict: Verdict?
  /// Why it went no further; nil where it did.
  var reason: DropReason?

  /// The verdict that leads to a drop for this reason; nil where none that is known does.
  ///
  /// - Parameters:
  ///   - reason: Why the packet went no further.
  ///   - isTransmit: Whether a port refused it that was to send it back.
  /// - Returns: The program's answer.
  static func verdict(droppedFor reason: DropReason, isTransmit: Bool) -> Verdict? {
    switch reason {
    case .programDrop: .drop
    case .programAborted, .programFault, .programBudget: .aborted
    case .passUnconfigured, .passFull: .pass
    case .noEntry, .ringFull, .redirectNoPort, .redirectMTU, .redirectNoFragments, .redirectLoop,
      .redirectDenied:
      .redirect
    case .transmitFull, .transmitError: .transmit
    case .mtu, .portDown, .portGone: isTransmit ? .transmit : .pass
    default: nil
    }
  }
}

/// What a ledger counted up to some moment.
struct ReplayCounts {
  private let tally: Tally
  private var items: [UInt64]
  private var drops: [UInt64]

  private static let outcomes: [(item: Tally.Item, verdict: Verdict)] = [
    (.pass, .pass), (.transmit, .transmit), (.redirect, .redirect), (.aborted, .aborted),
  ]
  private static let others: [Tally.Item] = [.received, .bursts, .transmitErrors]

  init(_ tally: Tally) {
    self.tally = tally
    items = (ReplayCounts.outcomes.map(\.item) + ReplayCounts.others).map { tally[$0] }
    drops = DropReason.allCases.map { tally[$0] }
  }

  /// Goes on to now; answers what was counted in between.
  mutating func advance() -> ReplayFate {
    let now = ReplayCounts(tally)
    defer { self = now }
    let differences = zip(now.items, items).map { $0 &- $1 }
    let (ends, others) = (differences.prefix(4), Array(differences.suffix(3)))
    var fate = ReplayFate(received: others[0], ended: ends.reduce(0, &+))
    for (outcome, difference) in zip(ReplayCounts.outcomes, ends) where difference > 0 {
      fate.verdict = outcome.verdict
    }
    for (reason, (after, before)) in zip(DropReason.allCases, zip(now.drops, drops))
    where after > before {
      fate.ended += after - before
      fate.reason = reason
      // A port that drops what it cannot receive asks no program.
      guard others[1] > 0 else { continue }
      fate.verdict = ReplayFate.verdict(droppedFor: reason, isTransmit: others[2] > 0)
    }
    return fate
  }
}
