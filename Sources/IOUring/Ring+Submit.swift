// SPDX-License-Identifier: Apache-2.0

import CLibURing
public import Syscalls

extension Ring {
  /// Hands what is prepared to the kernel.
  ///
  /// The corresponding C function is `io_uring_submit`.
  ///
  /// - Returns: How many operations the kernel took.
  /// - Throws: `Errno.resourceBusy` or `.wouldBlock` while completions must be taken first or memory is short: what is
  ///   prepared stays prepared.
  @discardableResult
  public func submit() throws(SystemCallError) -> UInt32 {
    UInt32(bitPattern: try uring("io_uring_enter") { unsafe io_uring_submit(base) })
  }

  /// Hands what is prepared to the kernel and sleeps until enough completions have arrived.
  ///
  /// The corresponding C function is `io_uring_submit_and_wait_timeout`.
  ///
  /// - Parameters:
  ///   - count: The completions to wait for; 0 only submits.
  ///   - timeout: The longest to sleep; nil sleeps until they are there.
  /// - Returns: How many completions are there: fewer than `count` if the time was over or a signal came first.
  /// - Throws: As `submit()`.
  @discardableResult
  public func submitAndWait(
    _ count: UInt32 = 1, timeout: Duration? = nil
  ) throws(SystemCallError) -> UInt32 {
    do {
      if let timeout {
        try wait(count, timeout)
      } else {
        try uring("io_uring_enter") { unsafe io_uring_submit_and_wait(base, count) }
      }
    } catch {
      if error.errno != .interrupted && error.errno != .timerExpired { throw error }
    }
    return completion.count
  }

  private func wait(_ count: UInt32, _ timeout: Duration) throws(SystemCallError) {
    let nanoseconds = timeout.nanoseconds
    var limit = __kernel_timespec(
      tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    var first: UnsafeMutablePointer<io_uring_cqe>?
    // Safe: the kernel reads the local structure during the call; the entry that it points out is not used.
    try uring("io_uring_enter") {
      unsafe io_uring_submit_and_wait_timeout(base, &first, count, &limit, nil)
    }
  }
}
