// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A counter that one thread adds to and another sleeps on.
///
/// Any thread may signal or drain.
public struct EventFD: ~Copyable, Sendable {
  /// The open counter, readable while it is not 0.
  public let descriptor: FileDescriptor

  /// Creates a counter at 0 whose reads never block.
  ///
  /// The corresponding C function is `eventfd`.
  public init() throws(SystemCallError) {
    let flags = Int32(EFD_CLOEXEC | EFD_NONBLOCK)
    descriptor = FileDescriptor(owning: try kernel("eventfd") { eventfd(0, flags) })
  }

  /// Adds one, and so wakes whoever sleeps on the counter.
  ///
  /// A full counter is left alone: whoever sleeps on it is awake already.
  public borrowing func signal() {
    _ = eventfd_write(descriptor.raw, 1)
  }

  /// Sets the counter to 0.
  ///
  /// - Returns: What it had counted, 0 if nothing.
  @discardableResult
  public borrowing func drain() -> UInt64 {
    var count: UInt64 = 0
    // Safe: the kernel writes the eight octets of a local variable, or nothing.
    return unsafe eventfd_read(descriptor.raw, &count) == 0 ? count : 0
  }
}
