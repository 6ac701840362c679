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

/// The process at the other end of a Unix socket, as it was when it connected.
public struct PeerCredentials: Hashable, Sendable {
  /// Its number.
  public let processID: Int32
  /// Its user.
  public let userID: UInt32
  /// Its group.
  public let groupID: UInt32
}

extension Socket {
  /// Listens at a path of the file system.
  ///
  /// The path must be free; whoever made it removes it.
  ///
  /// The corresponding C functions are `socket`, `bind` and `listen`.
  ///
  /// - Parameters:
  ///   - path: At most 107 octets.
  ///   - kind: A stream or sequenced packets.
  ///   - backlog: The connections that may wait to be accepted.
  /// - Returns: The socket, whose `accept()` never blocks.
  /// - Throws: `Errno.addressInUse` if the path is taken, `.fileNameTooLong` if it is too long.
  public static func listener(
    at path: String, _ kind: Kind = .stream, backlog: Int32 = 64
  ) throws(SystemCallError) -> Socket {
    let address = try unixAddress(path)
    let socket = try Socket(.unix, kind)
    try socket.bind(address, path)
    let raw = socket.raw
    try kernel("listen", path) { listen(raw, backlog) }
    return socket
  }

  /// Connects to whoever listens at a path of the file system.
  ///
  /// - Parameters:
  ///   - path: At most 107 octets.
  ///   - kind: As the listener's.
  ///   - nonblocking: Whether later calls return at once when there is nothing to do.
  /// - Returns: The socket, connected.
  /// - Throws: `Errno.connectionRefused` if nobody listens there any more, `.noSuchFileOrDirectory` if nobody did.
  public static func connected(
    to path: String, _ kind: Kind = .stream, nonblocking: Bool = false
  ) throws(SystemCallError) -> Socket {
    let address = try unixAddress(path)
    let socket = try Socket(.unix, kind, nonblocking: nonblocking)
    try socket.connect(address, path)
    return socket
  }

  /// Takes the oldest connection that waits; nil if none does.
  ///
  /// The corresponding C function is `accept4`.
  public borrowing func accept(nonblocking: Bool = true) throws(SystemCallError) -> Socket? {
    let raw = raw
    let connection = try kernelUnlessBlocked("accept4") {
      clinux_accept(raw, Socket.creationFlags(nonblocking))
    }
    return connection.map { Socket(owning: FileDescriptor(owning: $0)) }
  }

  /// The process at the other end (`SO_PEERCRED`).
  public borrowing func peerCredentials() throws(SystemCallError) -> PeerCredentials {
    var credentials = ucred()
    try readOption("SO_PEERCRED", level: SOL_SOCKET, SO_PEERCRED, into: &credentials)
    return PeerCredentials(
      processID: credentials.pid, userID: credentials.uid, groupID: credentials.gid)
  }

  private static func unixAddress(_ path: String) throws(SystemCallError) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = UInt16(AF_UNIX)
    let octets = Array(path.utf8)
    // One octet stays for the zero at the end.
    guard octets.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw SystemCallError("bind", path, errno: .fileNameTooLong)
    }
    // Safe: the octets fit, as has just been seen.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: octets) }
    return address
  }
}
