// SPDX-License-Identifier: Apache-2.0

public import CLibURing

/// A read or write that is done when it is submitted or not at all: it completes with `Errno.wouldBlock` instead of
/// waiting, as `O_NONBLOCK` alone does not make it.
///
/// Source: `io_rw_init_file()`, io_uring/rw.c.
@frozen
public struct Immediate<Base: Operation>: Operation {
  @usableFromInline let base: Base

  /// Names the read or write.
  @inlinable
  public init(_ base: Base) {
    self.base = base
  }

  /// As the operation's own, with `RWF_NOWAIT`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    unsafe base.prepare(entry)
    unsafe entry.pointee.rw_flags |= Int32(0x8)
  }
}
