// SPDX-License-Identifier: Apache-2.0

public import CLibURing
public import Syscalls

/// Waits until a file is ready; completes with what it is ready for, see `Completion.pollEvents`.
@frozen
public struct PollAdd: Operation {
  @usableFromInline let descriptor: RawDescriptor
  @usableFromInline let events: PollEvents
  @usableFromInline let isMultishot: Bool

  /// Names the file and what to wait for.
  ///
  /// A multishot operation completes each time that the file becomes ready, until it is cancelled or a completion says
  /// that no more will come (`hasMore`): then it must be prepared anew.
  @inlinable
  public init(_ descriptor: RawDescriptor, for events: PollEvents, multishot: Bool = false) {
    self.descriptor = descriptor
    self.events = events
    isMultishot = multishot
  }

  /// As C's `io_uring_prep_poll_add`, or `io_uring_prep_poll_multishot`.
  @inlinable
  public func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    unsafe io_uring_prep_poll_add(entry, descriptor, events.rawValue)
    if isMultishot { unsafe entry.pointee.len = UInt32(IORING_POLL_ADD_MULTI) }
  }
}

extension Completion {
  /// What the file of a `PollAdd` is ready for; empty if the operation failed.
  @inlinable
  public var pollEvents: PollEvents {
    result < 0 ? [] : PollEvents(rawValue: UInt32(bitPattern: result))
  }
}
