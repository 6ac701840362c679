// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// A reference to the counters of one ledger: where its packets came in and how each of them ended.
///
/// 64 counters of 8 octets in shared memory. One thread writes; anybody reads. An addition is a relaxed load and a
/// relaxed store, so a reader never sees half a number and the writer never waits.
@frozen
@safe
public struct Tally: @unchecked Sendable {
  // Safe: `byteCount` octets that outlive every copy of the reference; their owner says how.
  @usableFromInline let memory: UnsafeMutableRawPointer

  /// The octets of one tally.
  public static let byteCount = 64 * 8

  /// What is counted; the raw value is the position in the block.
  @frozen
  public enum Item: Int, CaseIterable, Sendable {
    /// Packets that came in: received by a port, or dequeued by an entry.
    case received = 0
    /// Packets passed to the stack.
    case pass = 1
    /// Packets sent back out of the port they came by.
    case transmit = 2
    /// Packets redirected.
    case redirect = 3
    /// Packets whose program failed.
    case aborted = 4
    /// Octets that came in.
    case receivedBytes = 5
    /// Packets that a port sent, whoever asked for it.
    case sent = 6
    /// Octets that a port sent.
    case sentBytes = 7
    /// Packets that a port could not send.
    case sendErrors = 8
    /// Descriptors that made no sense.
    case invalidDescriptors = 9
    /// Packets that an entry was offered.
    case offered = 10
    /// Packets that an entry's queue took.
    case enqueued = 11
    /// Packets that an entry's queue had no room for.
    case ringFull = 12
    /// Sleeping workers woken.
    case wakeups = 13
    /// Packets sent back out by ``Verdict/transmit`` that the port refused.
    case transmitErrors = 14
    /// Packets sent for a redirect from elsewhere.
    case redirectedIn = 15
    /// Packets of a redirect from elsewhere that the port refused.
    case redirectedInErrors = 16
    /// Ring slots whose generation was stale.
    case stale = 17
    /// Bursts.
    case bursts = 18
    /// Frames copied because their memory was not the port's.
    case copied = 19
    /// Nanoseconds that a worker spent on packets.
    case busyNanoseconds = 20
  }

  /// Counts in `memory`, which must hold ``byteCount`` zeroed octets, aligned to 8.
  ///
  /// Safe: the caller keeps the memory alive.
  @inlinable
  public init(memory: UnsafeMutableRawPointer) {
    unsafe self.memory = memory
  }

  @inlinable
  @inline(__always)
  func counter(_ position: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (memory + position &<< 3).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inlinable
  @inline(__always)
  func add(_ amount: Int, at position: Int) {
    let counter = unsafe counter(position)
    let value = unsafe counter.pointee.load(ordering: .relaxed)
    unsafe counter.pointee.store(value &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
  }

  /// Adds to a counter; the tally's one writer only.
  @inlinable
  @inline(__always)
  public func add(_ amount: Int, to item: Item) {
    add(amount, at: item.rawValue)
  }

  /// Counts drops; the tally's one writer only.
  @inlinable
  @inline(__always)
  public func drop(_ amount: Int, _ reason: DropReason) {
    add(amount, at: 32 &+ Int(reason.rawValue))
  }

  /// Reads a counter; any thread.
  @inlinable
  public subscript(_ item: Item) -> UInt64 {
    unsafe counter(item.rawValue).pointee.load(ordering: .relaxed)
  }

  /// Reads the drops for one reason; any thread.
  @inlinable
  public subscript(_ reason: DropReason) -> UInt64 {
    unsafe counter(32 + Int(reason.rawValue)).pointee.load(ordering: .relaxed)
  }

  /// The drops for all reasons together.
  public var dropped: UInt64 { DropReason.allCases.reduce(0) { $0 &+ self[$1] } }
}
