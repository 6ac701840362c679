// SPDX-License-Identifier: Apache-2.0

public import CLibURing
public import CLinux
public import Syscalls

/// Where the results of a ring's operations arrive, oldest first.
///
/// The memory is shared with the kernel. The kernel writes an entry and then the tail; the owner reads the tail
/// with acquire (`count`) and then the entry (A), and writes the head with release (`advance`) after the last entry
/// has been read (B), so that the kernel does not write over what is still being read.
@frozen
@safe
public struct CompletionQueue: ~Copyable {
  // Safe: this value lives inside its ring and cannot be copied out of it, so the structure outlives it. An entry is
  // read through the mask, so inside the array, whatever the indices hold.
  @usableFromInline let base: UnsafeMutablePointer<io_uring>

  @usableFromInline
  init(_ base: UnsafeMutablePointer<io_uring>) { unsafe self.base = base }

  /// How many completions have arrived and are not yet taken; looks at memory alone.
  @inlinable
  public var count: UInt32 { unsafe io_uring_cq_ready(base) }

  /// A completion that has arrived.
  ///
  /// - Parameter index: 0 for the oldest; below `count`.
  @inlinable
  public subscript(index: UInt32) -> Completion {
    let head = unsafe base.pointee.cq.khead.pointee
    let slot = unsafe (head &+ index) & base.pointee.cq.ring_mask
    let entry = unsafe base.pointee.cq.cqes[Int(slot)]
    return Completion(token: entry.user_data, result: entry.res, flags: entry.flags)
  }

  /// Gives the oldest completions' room back to the kernel.
  ///
  /// - Parameter count: How many; at most `count`.
  @inlinable
  public func advance(by count: UInt32) { unsafe io_uring_cq_advance(base, count) }

  /// Takes the oldest completion; nil if none has arrived.
  @inlinable
  public func take() -> Completion? {
    guard count != 0 else { return nil }
    let completion = self[0]
    advance(by: 1)
    return completion
  }

  /// Takes what has arrived, as one batch.
  ///
  /// - Parameters:
  ///   - limit: The most to take.
  ///   - body: Called with each, oldest first. What it prepares is not submitted by this.
  /// - Returns: How many were taken.
  /// - Note: Never allocates.
  @inlinable
  @discardableResult
  public func drain(limit: UInt32 = .max, _ body: (Completion) -> Void) -> UInt32 {
    let batch = min(count, limit)
    var index: UInt32 = 0
    while index < batch {
      body(self[index])
      index &+= 1
    }
    if batch != 0 { advance(by: batch) }
    return batch
  }

  /// Whether the kernel holds completions back: those of cooperative tasks, or for want of room.
  ///
  /// A loop that only looks at memory must ask this now and then, and `collect()` if so.
  @inlinable
  public var hasHeldBack: Bool {
    let held = UInt32(IORING_SQ_CQ_OVERFLOW) | UInt32(IORING_SQ_TASKRUN)
    // The kernel sets these bits from other processors, and a stale answer only delays the next look.
    return unsafe clinux_load_relaxed(base.pointee.sq.kflags) & held != 0
  }

  /// Enters the kernel so that it hands over what it holds back; never blocks.
  ///
  /// The corresponding C function is `io_uring_get_events`.
  public func collect() throws(SystemCallError) {
    try uring("io_uring_enter GETEVENTS") { unsafe io_uring_get_events(base) }
  }
}

/// The result of an operation.
@frozen
public struct Completion: Hashable, Sendable {
  /// What the operation was prepared with.
  public let token: UInt64
  /// What the operation returned: 0 or more as its system call would, or the negative errno.
  public let result: Int32
  /// The bits of C's `IORING_CQE_F_` constants.
  public let flags: UInt32

  /// Makes a result from its parts.
  @inlinable
  public init(token: UInt64, result: Int32, flags: UInt32) {
    self.token = token
    self.result = result
    self.flags = flags
  }

  /// Why the operation failed; nil if it did not.
  @inlinable
  public var errno: Errno? { result < 0 ? Errno(rawValue: result) : nil }

  /// Whether more completions of the same operation will come; if not, a multishot operation is over.
  @inlinable
  public var hasMore: Bool { flags & UInt32(IORING_CQE_F_MORE) != 0 }
}
