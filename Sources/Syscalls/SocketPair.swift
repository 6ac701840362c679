// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Two sockets of one machine that are connected to each other.
@frozen
public struct SocketPair: ~Copyable, Sendable {
  /// One end.
  public let first: Socket
  /// The other end.
  public let second: Socket

  /// Opens a pair without a name.
  ///
  /// The corresponding C function is `socketpair` with `AF_UNIX`.
  public init(_ kind: Socket.Kind, nonblocking: Bool = true) throws(SystemCallError) {
    var ends: [Int32] = [-1, -1]
    let type = kind.rawValue | Socket.creationFlags(nonblocking)
    try kernel("socketpair") { unsafe socketpair(AF_UNIX, type, 0, &ends) }
    first = Socket(owning: FileDescriptor(owning: ends[0]))
    second = Socket(owning: FileDescriptor(owning: ends[1]))
  }
}
