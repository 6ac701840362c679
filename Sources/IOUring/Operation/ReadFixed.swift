// SPDX-License-Identifier: Apache-2.0

public import CLibURing
public import Syscalls

/// Reads from a file into a part of a registered buffer; completes with the number of octets.
@frozen
@safe
public struct ReadFixed: Operation {
  // Safe: the initialiser is unsafe to call, because the buffer must stay where it is until the completion.
  @usableFromInline let descriptor: RawDescriptor
  @usableFromInline let buffer: UnsafeMutableRawBufferPointer
  @usableFromInline let index: Int32
  @usableFromInline let offset: UInt64

  /// Names the file and a part of a registered buffer.
  ///
  /// - Parameters:
  ///   - descriptor: The open file.
  ///   - buffer: Inside the registered one, or the operation fails with `Errno.badAddress`.
  ///   - index: The registered buffer's position in the list.
  ///   - offset: Where in the file to begin; `.max` for its current position, as with pipes and devices.
  @inlinable
  @unsafe
  public init(
    _ descriptor: RawDescriptor, into buffer: UnsafeMutableRawBufferPointer,
    registeredAs index: Int32, at offset: UInt64 = .max
  ) {
    self.descriptor = descriptor
    unsafe self.buffer = unsafe buffer
    self.index = index
    self.offset = offset
  }

  /// As C's `io_uring_prep_read_fixed`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    let byteCount = unsafe UInt32(truncatingIfNeeded: buffer.count)
    unsafe io_uring_prep_read_fixed(
      entry, descriptor, buffer.baseAddress, byteCount, offset, index)
  }
}
