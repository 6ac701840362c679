// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls

/// The file of a socket, known by its inode: another daemon may have put its own at the same path since.
struct SocketFile {
  private let path: String
  private let identity: Identity?

  private struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64
    var isSocket: Bool

    /// Nil where there is no such file.
    init?(_ path: String) {
      // The kernel would look at what stands before a zero, which is somebody else's file.
      guard !path.utf8.contains(0) else { return nil }
      var status = stat()
      // Safe: the kernel fills the local structure.
      guard unsafe lstat(path, &status) == 0 else { return nil }
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      isSocket = status.st_mode & UInt32(S_IFMT) == UInt32(S_IFSOCK)
    }
  }

  /// Remembers the file that was just created.
  init(_ path: String) {
    self.path = path
    identity = Identity(path)
  }

  /// Removes the file if it is still the one that was created.
  func remove() {
    guard let identity, Identity(path) == identity else { return }
    // Safe: the path is copied by the kernel.
    _ = unsafe unlink(path)
  }

  /// Removes a socket that a daemon left behind when it died.
  ///
  /// Two daemons that start at the same instant may both find it; the second one's bind then fails, or it
  /// takes the path from the first. A service manager prevents that.
  ///
  /// - Throws: `Errno.addressInUse` where somebody answers, or where the file is no socket.
  static func removeStale(_ path: String) throws(SystemCallError) {
    // C would see another, shorter path.
    guard !path.utf8.contains(0) else {
      throw SystemCallError("bind", path, errno: .invalidArgument)
    }
    guard let identity = Identity(path) else { return }
    let inUse = SystemCallError("bind", path, errno: .addressInUse)
    guard identity.isSocket else { throw inUse }
    let probe = try Socket(.unix, .stream)
    do throws(SystemCallError) {
      try probe.connect(path: path)
      throw inUse
    } catch {
      // Anything but a refusal, as permission denied or a full queue, may hide somebody who is there.
      guard error.errno == .connectionRefused else { throw inUse }
    }
    // Safe: the path is copied by the kernel.
    _ = unsafe unlink(path)
  }
}
