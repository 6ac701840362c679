// SPDX-License-Identifier: Apache-2.0

public import CLibURing

/// Does nothing, and completes with 0.
@frozen
public struct Nop: Operation {
  /// Makes the operation.
  @inlinable
  public init() {}

  /// As C's `io_uring_prep_nop`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    unsafe io_uring_prep_nop(entry)
  }
}
