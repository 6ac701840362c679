// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A pipe: what is written to one end is read from the other.
@frozen
public struct Pipe: ~Copyable, Sendable {
  /// The end to read from.
  public let reader: FileDescriptor
  /// The end to write to.
  public let writer: FileDescriptor

  /// Opens a pipe, closed on exec.
  ///
  /// The corresponding C function is `pipe2`.
  ///
  /// - Parameter nonblocking: Whether reads of an empty and writes to a full pipe return at once.
  /// - Throws: `Errno.tooManyOpenFiles` over the limit.
  public init(nonblocking: Bool = false) throws(SystemCallError) {
    var ends: [Int32] = [-1, -1]
    try kernel("pipe2") { unsafe pipe2(&ends, nonblocking ? O_CLOEXEC | O_NONBLOCK : O_CLOEXEC) }
    reader = FileDescriptor(owning: ends[0])
    writer = FileDescriptor(owning: ends[1])
  }
}
