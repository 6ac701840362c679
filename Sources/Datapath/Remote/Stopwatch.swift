// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import XDPFrame

/// Measures for how long a worker has something to do, with one look at the clock for each burst of a busy worker.
///
/// A lap ends with a burst, and the next one begins there unless the worker found nothing to do in between. It is time
/// on the clock: what the kernel takes from a busy worker counts as the worker's.
struct Stopwatch {
  private let tally: Tally
  /// When the lap began; 0 while the worker has nothing to do.
  private var start: UInt64 = 0

  init(_ tally: Tally) {
    self.tally = tally
  }

  /// A burst begins.
  @inline(__always)
  mutating func begin() {
    if start == 0 { start = clinux_now() }
  }

  /// A burst has ended.
  @inline(__always)
  mutating func lap() {
    let now = clinux_now()
    tally.add(Int(truncatingIfNeeded: now &- start), to: .busyNanoseconds)
    start = now
  }

  /// There was nothing to do.
  @inline(__always)
  mutating func rest() {
    start = 0
  }
}
