// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// A 64-bit count in shared memory, written by one thread and read by anyone.
///
/// The value is a reference of 8 octets; copies refer to the same count. Adding is a load and a
/// store, not an atomic addition, which would cost ten times as much: that is why there is one writer.
/// Both are relaxed: a reader sees a count that was true a moment ago, and never half of one. To read
/// several counts as they stood together, use a `CounterGroup`.
@safe
@frozen
public struct Counter: @unchecked Sendable {
  // Safe: @unchecked Sendable, because the word is atomic and one writer is the contract.
  @usableFromInline let word: UnsafeMutablePointer<Atomic<UInt64>>

  /// Refers to a count.
  ///
  /// - Parameter word: 8 octets, aligned to 8, that outlive every copy; zero for a new count.
  @inlinable
  public init(_ word: UnsafeMutableRawPointer) {
    unsafe self.word = unsafe word.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// The count; any thread may ask.
  @inlinable
  public var value: UInt64 { unsafe word.pointee.load(ordering: .relaxed) }

  /// Counts; the writer only.
  ///
  /// - Parameter amount: How much to add; the count wraps at 2⁶⁴.
  @inlinable
  public func add(_ amount: UInt64 = 1) {
    unsafe word.pointee.store(
      word.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  /// Counts; the writer only.
  ///
  /// - Parameter amount: How much to add; not negative.
  @inlinable
  public func add(_ amount: Int) { add(UInt64(truncatingIfNeeded: amount)) }
}
