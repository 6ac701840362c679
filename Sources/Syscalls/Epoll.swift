// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A set of descriptors to wait for together.
///
/// Any thread may add and remove; one thread waits. Descriptors are borrowed: remove them before they are closed.
public struct Epoll: ~Copyable, Sendable {
  /// The open set, readable while one of its descriptors is ready.
  public let descriptor: FileDescriptor

  /// What one descriptor is ready for.
  public struct Event: Hashable, Sendable {
    /// What the descriptor was added with.
    public let token: UInt64
    /// What it is ready for.
    public let events: PollEvents
  }

  /// Creates an empty set.
  ///
  /// The corresponding C function is `epoll_create1`.
  public init() throws(SystemCallError) {
    descriptor = FileDescriptor(
      owning: try kernel("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
  }

  /// Adds a descriptor, whose events will carry the token.
  public borrowing func add(
    _ raw: RawDescriptor, for events: PollEvents, token: UInt64
  ) throws(SystemCallError) {
    try control("EPOLL_CTL_ADD", EPOLL_CTL_ADD, raw, events, token)
  }

  /// Changes what a descriptor is waited for.
  public borrowing func modify(
    _ raw: RawDescriptor, for events: PollEvents, token: UInt64
  ) throws(SystemCallError) {
    try control("EPOLL_CTL_MOD", EPOLL_CTL_MOD, raw, events, token)
  }

  /// Removes a descriptor.
  public borrowing func remove(_ raw: RawDescriptor) throws(SystemCallError) {
    try control("EPOLL_CTL_DEL", EPOLL_CTL_DEL, raw, [], 0)
  }

  /// Waits until a descriptor is ready.
  ///
  /// The corresponding C function is `epoll_wait`.
  ///
  /// - Parameters:
  ///   - limit: The most events to take; 1 or more.
  ///   - timeout: The longest to wait, rounded up to a millisecond; nil waits for ever.
  /// - Returns: The events; none if the time was over or a signal came first.
  /// - Throws: What the kernel answers; a set that is open and asked for at least one event gives it no reason to.
  /// - Note: Allocates the result.
  public borrowing func wait(
    limit: Int = 64, timeout: Duration? = nil
  ) throws(SystemCallError) -> [Event] {
    precondition(limit > 0, "At least one event must be taken.")
    var entries = unsafe [epoll_event](repeating: epoll_event(), count: limit)
    let raw = descriptor.raw
    let milliseconds = timeout.map { Int32(clamping: ($0.nanoseconds / 1_000 + 999) / 1_000) } ?? -1
    do {
      // Safe: the array's storage lives for the duration of the call.
      let count = try kernel("epoll_wait", interruption: .reported) {
        unsafe epoll_wait(raw, &entries, Int32(clamping: limit), milliseconds)
      }
      return unsafe entries[..<Int(count)].map {
        unsafe Event(token: $0.data.u64, events: PollEvents(rawValue: $0.events))
      }
    } catch {
      if error.errno != .interrupted { throw error }
      return []
    }
  }

  private borrowing func control(
    _ name: String, _ operation: Int32, _ raw: RawDescriptor, _ events: PollEvents, _ token: UInt64
  ) throws(SystemCallError) {
    var entry = unsafe epoll_event(events: events.rawValue, data: epoll_data(u64: token))
    let set = descriptor.raw
    // Safe: the structure is local and outlives the call.
    try kernel("epoll_ctl \(name)") { unsafe epoll_ctl(set, operation, raw, &entry) }
  }
}
