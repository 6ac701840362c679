// SPDX-License-Identifier: Apache-2.0

public import CLibURing
public import Syscalls

/// Reads from a file; completes with the number of octets.
@frozen
@safe
public struct Read: Operation {
  // Safe: the initialiser is unsafe to call, because the buffer must stay where it is until the completion.
  @usableFromInline let descriptor: RawDescriptor
  @usableFromInline let buffer: UnsafeMutableRawBufferPointer
  @usableFromInline let offset: UInt64

  /// Names the file and the buffer, which must stay where it is until the completion arrives.
  ///
  /// The offset says where in the file to begin; `.max` is its current position, which pipes and devices want.
  @inlinable
  @unsafe
  public init(
    _ descriptor: RawDescriptor, into buffer: UnsafeMutableRawBufferPointer,
    at offset: UInt64 = .max
  ) {
    self.descriptor = descriptor
    unsafe self.buffer = unsafe buffer
    self.offset = offset
  }

  /// As C's `io_uring_prep_read`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    let byteCount = unsafe UInt32(truncatingIfNeeded: buffer.count)
    unsafe io_uring_prep_read(entry, descriptor, buffer.baseAddress, byteCount, offset)
  }
}
