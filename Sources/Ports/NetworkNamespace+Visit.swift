// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Syscalls

extension NetworkNamespace {
  /// Does something in this namespace, on the calling thread, which is back where it was afterwards.
  func visit(_ body: () throws(SystemCallError) -> Void) throws(SystemCallError) {
    if isCurrent { return try body() }
    let elsewhere = try NetworkNamespace.current()
    try enter()
    defer {
      // A thread that cannot go back would go on in somebody else's network.
      do throws(SystemCallError) {
        try elsewhere.enter()
      } catch {
        preconditionFailure("A thread cannot return to its network namespace: \(error).")
      }
    }
    try body()
  }

  /// Whether the calling thread is in this namespace.
  private var isCurrent: Bool {
    var here = stat()
    var there = stat()
    // Safe: both structures outlive the calls.
    guard unsafe stat("/proc/thread-self/ns/net", &here) == 0,
      unsafe fstat(descriptor.raw, &there) == 0
    else { return false }
    return here.st_ino == there.st_ino && here.st_dev == there.st_dev
  }
}
