// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A network of its own: interfaces, addresses, routes and sockets that others do not see.
///
/// The kernel keeps it for as long as somebody holds it open, is in it, or has bound it to a name. A namespace
/// without a name and everything in it is therefore gone with the last value of it, also after a crash.
public final class NetworkNamespace: Sendable {
  /// The open namespace.
  public let descriptor: FileDescriptor

  /// Takes ownership of an open namespace.
  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Opens the namespace that the calling thread is in.
  public static func current() throws(SystemCallError) -> NetworkNamespace {
    NetworkNamespace(owning: try FileDescriptor(opening: "/proc/thread-self/ns/net"))
  }

  /// Creates a namespace without a name; its loopback is up, there is nothing else in it.
  ///
  /// The corresponding C function is `unshare` with `CLONE_NEWNET`.
  ///
  /// - Throws: `Errno.notPermitted` without `CAP_SYS_ADMIN`.
  public static func anonymous() throws(SystemCallError) -> NetworkNamespace {
    let home = try current()
    try kernel("unshare CLONE_NEWNET") { unshare(CLONE_NEWNET) }
    defer { home.returnHome() }
    let namespace = try current()
    try Interface(named: "lo").setUp(true)
    return namespace
  }

  /// Moves the calling thread into the namespace for good, and with it the threads that it will create.
  ///
  /// The corresponding C function is `setns`.
  public func enter() throws(SystemCallError) {
    let raw = descriptor.raw
    try kernel("setns CLONE_NEWNET") { setns(raw, CLONE_NEWNET) }
  }

  /// Runs something on the calling thread inside the namespace, then returns to where the thread was.
  ///
  /// Sockets opened and threads started inside stay in the namespace.
  ///
  /// - Parameter body: Synchronous, so that nothing else runs on this thread meanwhile.
  /// - Returns: What the closure returns.
  /// - Throws: A `SystemCallError` if the namespace cannot be entered, or what the closure throws.
  public func run<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
    let home = try NetworkNamespace.current()
    try enter()
    defer { home.returnHome() }
    return try body()
  }

  /// Switches IPv6 off for the interfaces that are there and for those to come, so that none of them transmits
  /// anything on its own.
  public func disableIPv6() throws {
    try run {
      for scope in ["all", "default"] {
        try TextFile.write("1", to: "/proc/sys/net/ipv6/conf/\(scope)/disable_ipv6")
      }
    }
  }

  /// A thread that stayed in the wrong namespace would go on with somebody else's network: better to stop.
  private func returnHome() {
    let result = setns(descriptor.raw, CLONE_NEWNET)
    precondition(result == 0, "A thread that entered a network namespace can return to its own.")
  }
}
