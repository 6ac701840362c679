// SPDX-License-Identifier: Apache-2.0

public import CLibURing
public import Syscalls

/// Reads from a file into several pieces of memory, one behind the other; completes with the number of octets.
@frozen
@safe
public struct ReadVectored: Operation {
  // Safe: the initialiser is unsafe to call, because list and pieces must stay where they are until the completion.
  @usableFromInline let descriptor: RawDescriptor
  @usableFromInline let pieces: UnsafePointer<iovec>
  @usableFromInline let count: UInt32
  @usableFromInline let offset: UInt64

  /// Names the file and the pieces; they and their list must stay where they are until the completion arrives.
  ///
  /// The offset says where in the file to begin; `.max` is its current position, which pipes and devices want.
  @inlinable
  @unsafe
  public init(
    _ descriptor: RawDescriptor, into pieces: UnsafePointer<iovec>, count: Int,
    at offset: UInt64 = .max
  ) {
    self.descriptor = descriptor
    unsafe self.pieces = unsafe pieces
    self.count = UInt32(truncatingIfNeeded: count)
    self.offset = offset
  }

  /// As C's `io_uring_prep_readv`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    unsafe io_uring_prep_readv(entry, descriptor, pieces, count, offset)
  }
}
