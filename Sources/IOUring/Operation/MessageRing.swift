// SPDX-License-Identifier: Apache-2.0

public import CLibURing
public import Syscalls

/// Puts a completion into another ring, and wakes its owner if it sleeps there.
///
/// Completes with 0 here; prepare it with the flag `silentSuccess` to hear of failures alone:
/// `Errno.valueOverflow` where the other ring has no room, `.badFileDescriptor` where it is gone or disabled.
@frozen
public struct MessageRing: Operation {
  @usableFromInline let descriptor: RawDescriptor
  @usableFromInline let token: UInt64
  @usableFromInline let result: Int32

  /// Names the ring and what its owner will find.
  ///
  /// - Parameters:
  ///   - descriptor: The other ring's.
  ///   - token: The completion's token there.
  ///   - result: The completion's result there, 0 or more.
  @inlinable
  public init(to descriptor: RawDescriptor, token: UInt64, result: Int32 = 0) {
    self.descriptor = descriptor
    self.token = token
    self.result = result
  }

  /// As C's `io_uring_prep_msg_ring`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    unsafe io_uring_prep_msg_ring(entry, descriptor, UInt32(bitPattern: result), token, 0)
  }
}
