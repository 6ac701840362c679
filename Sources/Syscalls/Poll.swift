// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What a descriptor is ready for, or is waited for.
@frozen
public struct PollEvents: OptionSet, Hashable, Sendable {
  /// The bits of `poll`, which are also those of `epoll` and io_uring.
  public let rawValue: UInt32
  /// Takes the bits of `poll`.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `POLLIN`.
  public static let readable = PollEvents(rawValue: UInt32(POLLIN))
  /// `POLLOUT`.
  public static let writable = PollEvents(rawValue: UInt32(POLLOUT))
  /// `POLLERR`; reported whether asked for or not.
  public static let error = PollEvents(rawValue: UInt32(POLLERR))
  /// `POLLHUP`; reported whether asked for or not.
  public static let hangUp = PollEvents(rawValue: UInt32(POLLHUP))
  /// `POLLPRI`.
  public static let urgent = PollEvents(rawValue: UInt32(POLLPRI))
}

/// Waiting for one descriptor.
public enum Poll {
  /// Waits until a descriptor is ready.
  ///
  /// The corresponding C function is `ppoll`.
  ///
  /// - Parameters:
  ///   - descriptor: The open file to wait for.
  ///   - events: What to wait for; errors and hang-ups are always waited for.
  ///   - timeout: The longest to wait; nil waits for ever, `.zero` only looks.
  /// - Returns: What it is ready for; empty if the time was over or a signal came first.
  /// - Throws: `Errno.noMemory` where the kernel has none left.
  public static func wait(
    _ descriptor: RawDescriptor, for events: PollEvents, timeout: Duration? = nil
  ) throws(SystemCallError) -> PollEvents {
    var entry = pollfd(
      fd: descriptor, events: Int16(truncatingIfNeeded: events.rawValue), revents: 0)
    var limit = (timeout ?? .zero).timeSpecification
    do {
      // Safe: both structures are local and outlive the call.
      try kernel("ppoll", interruption: .reported) {
        unsafe withUnsafePointer(to: &limit) {
          unsafe ppoll(&entry, 1, timeout == nil ? nil : $0, nil)
        }
      }
    } catch {
      if error.errno != .interrupted { throw error }
      return []
    }
    return PollEvents(rawValue: UInt32(UInt16(bitPattern: entry.revents)))
  }
}
