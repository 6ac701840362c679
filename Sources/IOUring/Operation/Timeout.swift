// SPDX-License-Identifier: Apache-2.0

public import CLibURing

/// Completes when a time is over, with `Errno.timerExpired`; with `.canceled` if it was cancelled before.
@frozen
@safe
public struct Timeout: Operation {
  // Safe: the initialiser is unsafe to call, because the specification must stay where it is until the submit.
  @usableFromInline let specification: UnsafeMutablePointer<__kernel_timespec>

  /// Names the time from the submit on.
  ///
  /// - Parameter specification: The kernel reads it at the submit; it must stay where it is until then.
  @inlinable
  @unsafe
  public init(_ specification: UnsafeMutablePointer<__kernel_timespec>) {
    unsafe self.specification = unsafe specification
  }

  /// As C's `io_uring_prep_timeout`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    unsafe io_uring_prep_timeout(entry, specification, 0, 0)
  }
}
