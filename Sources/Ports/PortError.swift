// SPDX-License-Identifier: Apache-2.0

public import Syscalls

/// Why a port could not be made or opened.
public struct PortError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What failed, and what to do.
  public let description: String
  /// The kernel's reason, where it was the kernel that refused.
  public let errno: Errno?

  /// An error with its whole text.
  public init(_ description: String, errno: Errno? = nil) {
    self.description = description
    self.errno = errno
  }
}
