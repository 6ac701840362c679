// SPDX-License-Identifier: Apache-2.0

import CLibURing
import CLinux
public import Syscalls

extension MessageRing {
  /// Sends the message at once, from a thread that has no ring of its own (Linux 6.13).
  ///
  /// Any thread may call it. An older kernel answers `Errno.invalidArgument`.
  ///
  /// The corresponding call is `io_uring_register` with `IORING_REGISTER_SEND_MSG_RING`.
  ///
  /// - Returns: Why the message did not arrive; nil if it did.
  /// - Note: Never allocates, never throws: a ring without room or without an owner is an ordinary answer.
  @discardableResult
  public func send() -> Errno? {
    var entry = io_uring_sqe()
    // Safe: the entry is local, and the kernel reads it during the call.
    let result = unsafe withUnsafeMutablePointer(to: &entry) {
      unsafe prepare($0)
      return unsafe clinux_io_uring_register(-1, UInt32(CLINUX_REGISTER_SEND_MSG_RING), $0, 1)
    }
    return result < 0 ? Errno.current : nil
  }
}
