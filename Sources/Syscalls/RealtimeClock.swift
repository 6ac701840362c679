// SPDX-License-Identifier: Apache-2.0

import CLinux

/// The time of day, which somebody may set forwards or backwards.
public enum RealtimeClock {
  /// Nanoseconds since 1970 (`CLOCK_REALTIME`).
  public static var now: UInt64 {
    var time = timespec()
    // Safe: the kernel writes a local variable; this clock always exists.
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(max(time.tv_sec, 0)) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
