// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A timer that can be waited for like any descriptor.
public struct TimerFD: ~Copyable, Sendable {
  /// The open timer, readable once it has gone off.
  public let descriptor: FileDescriptor

  /// Creates a timer on the monotonic clock, not yet started.
  ///
  /// The corresponding C function is `timerfd_create`.
  public init() throws(SystemCallError) {
    let flags = Int32(TFD_CLOEXEC | TFD_NONBLOCK)
    descriptor = FileDescriptor(
      owning: try kernel("timerfd_create") { timerfd_create(CLOCK_MONOTONIC, flags) })
  }

  /// Starts the timer, or starts it anew.
  ///
  /// The corresponding C function is `timerfd_settime`.
  ///
  /// - Parameters:
  ///   - delay: Until it goes off first, at least a nanosecond.
  ///   - interval: Between the times that it goes off; `.zero` for once.
  /// - Throws: `Errno.invalidArgument` for a time that the kernel does not take.
  public borrowing func start(
    after delay: Duration, every interval: Duration = .zero
  ) throws(SystemCallError) {
    precondition(delay > .zero, "A delay of nothing would stop the timer.")
    try set(delay, interval)
  }

  /// Stops the timer.
  public borrowing func stop() throws(SystemCallError) { try set(.zero, .zero) }

  /// How often the timer has gone off since this was last called.
  public borrowing func drain() -> UInt64 {
    var count: UInt64 = 0
    // Safe: the kernel writes the eight octets of a local variable, or nothing.
    return unsafe read(descriptor.raw, &count, 8) == 8 ? count : 0
  }

  private borrowing func set(_ delay: Duration, _ interval: Duration) throws(SystemCallError) {
    var times = itimerspec(
      it_interval: interval.timeSpecification, it_value: delay.timeSpecification)
    let raw = descriptor.raw
    // Safe: the structure is local and outlives the call.
    try kernel("timerfd_settime") { unsafe timerfd_settime(raw, 0, &times, nil) }
  }
}
