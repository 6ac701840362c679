// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// The clock that only moves forward, with the system's resolution; costs about 25 ns.
@frozen
public enum MonotonicClock {
  /// Nanoseconds since some moment before the process began (`CLOCK_MONOTONIC`).
  @inlinable
  public static var now: UInt64 { clinux_now() }
}

extension Duration {
  /// The duration in nanoseconds, negative ones as 0, and as many as fit.
  @inlinable
  public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    if seconds < 0 { return 0 }
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return .max }
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carried ? .max : Swift.max(sum, 0)
  }

  /// The duration as C's `timespec`; negative ones as 0.
  var timeSpecification: timespec {
    let nanoseconds = nanoseconds
    return timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
