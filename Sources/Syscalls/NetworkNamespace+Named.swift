// SPDX-License-Identifier: Apache-2.0

import CLinux

extension NetworkNamespace {
  /// Where names are kept, the place that `ip netns` looks in too.
  public static let directory = "/run/netns"

  /// Opens a namespace by the name that `ip netns` shows.
  public convenience init(named name: String) throws(SystemCallError) {
    self.init(owning: try FileDescriptor(opening: NetworkNamespace.path(name)))
  }

  /// Creates a namespace and binds it to a name, so that it stays until it is deleted.
  ///
  /// - Parameter name: Without slashes.
  /// - Returns: The namespace, open.
  /// - Throws: `Errno.fileExists` if the name is taken.
  public static func create(named name: String) throws(SystemCallError) -> NetworkNamespace {
    try prepareDirectory()
    let path = path(name)
    _ = try FileDescriptor(opening: path, O_RDONLY | O_CREAT | O_EXCL, permissions: 0)
    do throws(SystemCallError) {
      let namespace = try anonymous()
      let source = "/proc/self/fd/\(namespace.descriptor.raw)"
      try mount("mount MS_BIND", source, path, UInt(MS_BIND))
      return namespace
    } catch {
      _ = unsafe unlink(path)
      throw error
    }
  }

  /// Takes a namespace's name away; it is gone once nobody is in it or holds it open.
  public static func delete(named name: String) throws(SystemCallError) {
    let path = path(name)
    // Without a mount on it the file is a leftover: unlinking is all there is to do.
    _ = unsafe umount2(path, Int32(MNT_DETACH))
    try kernel("unlink", path) { unsafe unlink(path) }
  }

  /// Whether the name is taken.
  public static func exists(named name: String) -> Bool {
    unsafe access(path(name), F_OK) == 0
  }

  private static func path(_ name: String) -> String {
    precondition(!name.isEmpty && !name.contains("/"), "A namespace's name is a file's name.")
    return "\(directory)/\(name)"
  }

  /// Makes the directory a mount of its own that is shared, as `ip netns` does, so that a name bound or taken
  /// away here is so in other mount namespaces too; otherwise a service there would keep the network alive.
  private static func prepareDirectory() throws(SystemCallError) {
    if unsafe mkdir(directory, 0o755) != 0, Errno.current != .fileExists {
      throw SystemCallError("mkdir", directory, errno: .current)
    }
    let shared = UInt(MS_SHARED | MS_REC)
    do {
      try mount("mount MS_SHARED", "", directory, shared)
    } catch {
      if error.errno != .invalidArgument { throw error }
      try mount("mount MS_BIND", directory, directory, UInt(MS_BIND | MS_REC))
      try mount("mount MS_SHARED", "", directory, shared)
    }
  }

  private static func mount(
    _ call: String, _ source: String, _ target: String, _ flags: UInt
  ) throws(SystemCallError) {
    // Safe: the strings outlive the call.
    try kernel(call, target) { unsafe CLinux.mount(source, target, "none", flags, nil) }
  }
}
