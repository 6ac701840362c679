// SPDX-License-Identifier: Apache-2.0

public import CLibURing
public import Syscalls

/// Ends operations before they are done: those complete with `Errno.canceled`.
///
/// Completes with 0, or with the number of operations for a descriptor; with `Errno.noSuchFileOrDirectory` if there
/// was none, with `.alreadyInProgress` if it could not be stopped any more.
@frozen
public struct Cancel: Operation {
  @usableFromInline let descriptor: RawDescriptor
  @usableFromInline let token: UInt64

  /// Ends the operation that was prepared with a token.
  @inlinable
  public init(token: UInt64) {
    descriptor = -1
    self.token = token
  }

  /// Ends all operations on a descriptor.
  @inlinable
  public init(allOn descriptor: RawDescriptor) {
    self.descriptor = descriptor
    token = 0
  }

  /// As C's `io_uring_prep_cancel64`, or `io_uring_prep_cancel_fd`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    if descriptor < 0 {
      unsafe io_uring_prep_cancel64(entry, token, 0)
    } else {
      unsafe io_uring_prep_cancel_fd(entry, descriptor, UInt32(IORING_ASYNC_CANCEL_ALL))
    }
  }
}
