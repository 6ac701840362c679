// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Sockets that have a path of the file system for an address, and their peers on this machine.
extension Socket {
  /// The longest path that a socket's address holds, in octets.
  public static let longestLocalPath = 107

  /// Who is at the other end of a local connection, as the kernel knows it.
  public struct PeerCredentials: Hashable, Sendable {
    /// The process that connected; 0 where it is in a process namespace that we do not see.
    public let process: Int32
    /// Its effective user at that moment.
    public let user: UInt32
    /// Its effective group at that moment.
    public let group: UInt32
  }

  /// Creates the socket's file at a path.
  ///
  /// Nobody beyond the permissions can connect at any moment: Linux gives the file those of the socket's own
  /// inode without the process's mask, and what the mask took off is added when the file exists.
  ///
  /// - Parameters:
  ///   - path: At most ``longestLocalPath`` octets.
  ///   - permissions: Who may connect: those who may write.
  /// - Throws: `Errno.addressInUse` where a file exists, `.fileNameTooLong`.
  public borrowing func bind(path: String, permissions: UInt32) throws(SystemCallError) {
    let raw = raw
    try kernel("fchmod", path) { fchmod(raw, permissions) }
    try bind(try Socket.address(path, for: "bind"), path)
    // Safe: the kernel copies the path.
    try kernel("chmod", path) { unsafe chmod(path, permissions) }
  }

  /// Connects to the socket behind a path.
  ///
  /// - Throws: `Errno.noSuchFileOrDirectory` and `.connectionRefused` where nobody listens, `.wouldBlock`
  ///   where too many wait already, `.permissionDenied`.
  public borrowing func connect(path: String) throws(SystemCallError) {
    try connect(try Socket.address(path, for: "connect"), path)
  }

  /// Lets others connect.
  ///
  /// The corresponding C function is `listen`.
  ///
  /// - Parameter backlog: How many may wait to be accepted.
  /// - Throws: `Errno.invalidArgument` where the socket has no address.
  public borrowing func listen(backlog: Int32) throws(SystemCallError) {
    let raw = raw
    try kernel("listen") { CLinux.listen(raw, backlog) }
  }

  /// Takes one waiting connection.
  ///
  /// The corresponding C function is `accept4`.
  ///
  /// - Parameter nonblocking: Whether calls on the new socket return at once when there is nothing to do.
  /// - Returns: The connection; nil if none waits.
  /// - Throws: `Errno.connectionAborted` where it went away, `.tooManyOpenFiles`.
  public borrowing func accept(nonblocking: Bool = true) throws(SystemCallError) -> Socket? {
    let raw = raw
    let flags = Socket.creationFlags(nonblocking)
    guard let accepted = try kernelUnlessBlocked("accept4", { clinux_accept(raw, flags) }) else {
      return nil
    }
    return Socket(owning: FileDescriptor(owning: accepted))
  }

  /// Who connected (`SO_PEERCRED`); the other end cannot lie about it.
  public borrowing func peerCredentials() throws(SystemCallError) -> PeerCredentials {
    var peer = ucred()
    try readOption("SO_PEERCRED", level: SOL_SOCKET, SO_PEERCRED, into: &peer)
    return PeerCredentials(process: peer.pid, user: peer.uid, group: peer.gid)
  }

  /// The further groups of who connected (`SO_PEERGROUPS`), as many as fit in 1,024.
  public borrowing func peerGroups() throws(SystemCallError) -> [UInt32] {
    let raw = raw
    var groups = [gid_t](repeating: 0, count: 1_024)
    var byteCount = socklen_t(groups.count * MemoryLayout<gid_t>.stride)
    try kernel("getsockopt SO_PEERGROUPS") {
      // Safe: the kernel writes no more than the array holds.
      unsafe getsockopt(raw, SOL_SOCKET, SO_PEERGROUPS, &groups, &byteCount)
    }
    return Array(groups.prefix(Int(byteCount) / MemoryLayout<gid_t>.stride))
  }

  private static func address(
    _ path: String, for call: String
  ) throws(SystemCallError) -> sockaddr_un {
    let octets = Array(path.utf8)
    // An empty path, or one with a zero at its start, would name something outside the file system.
    guard !octets.isEmpty, !octets.contains(0) else {
      throw SystemCallError(call, path, errno: .invalidArgument)
    }
    guard octets.count <= longestLocalPath else {
      throw SystemCallError(call, path, errno: .fileNameTooLong)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // Safe: the path is shorter than the field, whose last octet stays zero.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: octets) }
    return address
  }
}
