// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import Synchronization

/// A lock of one 32-bit word in shared memory that says who holds it.
///
/// The value is a reference of 8 octets. The word is 0 when the lock is free and the holder's number
/// otherwise, so that whoever cleans up after a dead thread or process can tell which locks it held.
/// Hold it for nanoseconds: others spin. Never allocates.
///
/// - The holder's release, a releasing store (A), pairs with the acquiring exchange of the next
///   holder (B), which therefore sees everything that the lock protects.
@safe
@frozen
public struct SpinLock: @unchecked Sendable {
  // Safe: @unchecked Sendable, because the word is atomic.
  @usableFromInline let word: UnsafeMutablePointer<Atomic<UInt32>>

  /// Refers to a lock.
  ///
  /// - Parameter word: 4 octets, aligned to 4, holding 0 or the holder's number.
  @inlinable
  public init(_ word: UnsafeMutableRawPointer) {
    unsafe self.word = unsafe word.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// The holder's number, or 0 if the lock is free; a moment old.
  @inlinable
  public var owner: UInt32 { unsafe word.pointee.load(ordering: .relaxed) }

  /// Takes the lock if it is free.
  ///
  /// - Parameter owner: The caller's number; not 0.
  /// - Returns: Whether the caller holds the lock now.
  @inlinable
  public func tryAcquire(as owner: UInt32) -> Bool {
    unsafe word.pointee.compareExchange(
      expected: 0, desired: owner, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged  // (B)
  }

  /// Takes the lock, spinning while another holds it.
  ///
  /// - Parameter owner: The caller's number; not 0.
  /// - Precondition: The caller does not hold it: the lock is not recursive.
  @inlinable
  public func acquire(as owner: UInt32) {
    precondition(owner != 0, "The owner 0 means that the lock is free.")
    if !tryAcquire(as: owner) { wait(as: owner) }
  }

  /// Frees the lock.
  ///
  /// - Precondition: The caller holds it.
  @inlinable
  public func release() {
    unsafe word.pointee.store(0, ordering: .releasing)  // (A)
  }

  /// Takes the lock over from a holder that is known to be dead.
  ///
  /// - Parameters:
  ///   - dead: The number of the holder that will never release.
  ///   - owner: The caller's number; not 0.
  /// - Returns: Whether the dead one held the lock and the caller holds it now.
  public func seize(from dead: UInt32, as owner: UInt32) -> Bool {
    precondition(dead != 0 && owner != 0, "The owner 0 means that the lock is free.")
    return unsafe word.pointee.compareExchange(
      expected: dead, desired: owner, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged
  }

  /// Spins on a read, so that waiters share the line, and yields where the holder may be off its CPU.
  @usableFromInline
  @inline(never)
  func wait(as owner: UInt32) {
    var spins = 0
    repeat {
      while self.owner != 0 {
        spins &+= 1
        if spins & 0x3ff == 0 { sched_yield() } else { clinux_pause() }
      }
    } while !tryAcquire(as: owner)
  }
}
