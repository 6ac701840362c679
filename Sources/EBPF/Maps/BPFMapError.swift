// SPDX-License-Identifier: Apache-2.0

public import Syscalls

/// Why a map could not be made.
public struct BPFMapError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The map's name.
  public var map: String
  /// What the kernel would answer.
  public var errno: Errno
  /// What is wrong and what to do.
  public var reason: String

  init(_ map: String, _ errno: Errno, _ reason: String) {
    self.map = map
    self.errno = errno
    self.reason = reason
  }

  /// The map and what is wrong with it.
  public var description: String { "map \(map): \(reason)" }
}
