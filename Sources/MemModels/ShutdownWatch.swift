// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// Says when a closed model has waited too long for its buffers, and who still holds them.
///
/// Ask it after every call of `collect()`, with whatever clock; it reports after 60 seconds and every 60 seconds from
/// then on.
///
/// Source: `page_pool_release_retry()`, `net/core/page_pool.c`, whose warning names id, number and seconds; ours names
/// the holders, too.
public struct ShutdownWatch: Sendable {
  private let began: UInt64
  private var next: UInt64

  /// The seconds before the first report and between two, `DEFER_WARN_INTERVAL`.
  public static let interval: UInt64 = 60

  /// Begins to watch when the model is closed.
  ///
  /// - Parameter now: Nanoseconds of a clock that never goes back.
  public init(at now: UInt64) {
    began = now
    next = now &+ ShutdownWatch.interval &* 1_000_000_000
  }

  /// What to warn of now; nil when it is not yet, or not again, time.
  ///
  /// - Parameters:
  ///   - drain: What `collect()` answered.
  ///   - now: Nanoseconds of the same clock.
  /// - Returns: For example `stalled pool shutdown: id 3, 17 inflight 60 sec: ring 12, worker 5`.
  public mutating func report(_ drain: Drain, at now: UInt64) -> String? {
    guard now >= next else { return nil }
    next = now &+ ShutdownWatch.interval &* 1_000_000_000
    let seconds = (now &- began) / 1_000_000_000
    return "stalled pool shutdown: id \(drain.memory.id), \(drain.outstanding) inflight "
      + "\(seconds) sec: \(drain.holderList)"
  }
}
