// SPDX-License-Identifier: Apache-2.0

import Control
import Synchronization
import Syscalls

/// How evenly the entries share the frames, over the last second.
///
/// Since the start would mislead: a share that was wrong for an hour hides one that is wrong now.
final class BalanceMeter: Sendable {
  private let state = Mutex(State())

  private struct State {
    var measured: UInt64 = 0
    var processed: [String: UInt64] = [:]
    var ratio: Double?
  }

  /// The busiest entry's frames by those of the average entry; nil before the first second, and without frames.
  var ratio: Double? { state.withLock { $0.ratio } }

  /// Looks at the entries, once a second however often it is called.
  func measure(_ entries: @autoclosure () -> [Report.Entry]) {
    let now = MonotonicClock.now
    let isDue = state.withLock { state in
      guard now &- state.measured >= 1_000_000_000 else { return false }
      state.measured = now
      return true
    }
    guard isDue else { return }
    let steered = entries().filter { $0.state == "up" }
    state.withLock { state in
      let frames = steered.map { Self.difference($0.processed, state.processed[$0.id]) }
      let total = frames.reduce(0, +)
      state.ratio = total > 0 ? (frames.max() ?? 0) * Double(frames.count) / total : nil
      state.processed = Dictionary(
        steered.map { ($0.id, $0.processed) }, uniquingKeysWith: { $1 })
    }
  }

  /// An entry that was not there a second ago has no share yet.
  private static func difference(_ now: UInt64, _ before: UInt64?) -> Double {
    guard let before, now >= before else { return 0 }
    return Double(now - before)
  }
}
