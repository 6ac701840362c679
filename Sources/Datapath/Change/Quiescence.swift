// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization

/// Lets one thread take something away while others may be looking at it.
///
/// Each loop and worker takes part with a counter on a cache line of its own, odd while it works on a burst. Who
/// replaces an entry or a program first publishes the new one, then waits until every part that was inside a burst
/// has left it, and only then lets the old one go. A part that sleeps is outside.
///
///     (A) a part stores its odd counter, then loads what is published
///     (B) the changer exchanges what is published, then loads the counters
///     (C) a part stores its even counter, releasing; the changer loads it, acquiring
///
/// (A) and (B) are sequentially consistent on both sides: otherwise a part could load the old entry while the changer
/// loads the part's old counter, and both would go on. (C) makes what a part did with the old entry happen before
/// the entry is let go.
///
/// Source: RCU as `kernel/bpf/cpumap.c` uses it, `synchronize_rcu()`.
@safe
public final class Quiescence: Sendable {
  // Safe: `limit` lines that live as long as this object.
  private nonisolated(unsafe) let lines: UnsafeMutableRawPointer
  private let taken = Mutex(Taken())
  private let held = Atomic(false)

  private struct Taken {
    var numbers: Set<Int> = []
    /// Those that ``hold(upTo:)`` keeps outside.
    var holdable: Set<Int> = []
  }

  /// The most loops and workers of one datapath.
  public static let limit = 1_024

  /// Begins with no parts.
  public init() {
    unsafe lines = .allocate(byteCount: 64 * Quiescence.limit, alignment: 64)
    unsafe lines.initializeMemory(as: UInt8.self, repeating: 0, count: 64 * Quiescence.limit)
  }

  deinit {
    unsafe lines.deallocate()
  }

  /// Takes part from now on, until ``leave(_:)``.
  ///
  /// - Parameter holdable: Whether the part keeps outside while ``isHeld``, as receive loops do.
  /// - Returns: The part's place.
  /// - Precondition: Fewer than ``limit`` take part.
  public func join(holdable: Bool = false) -> Part {
    let number = taken.withLock { taken in
      let number = (0..<Quiescence.limit).first { !taken.numbers.contains($0) }
      if let number {
        taken.numbers.insert(number)
        if holdable { taken.holdable.insert(number) }
      }
      return number
    }
    guard let number else { preconditionFailure("Too many loops and workers take part.") }
    return unsafe Part(line: lines + 64 * number, number: number)
  }

  /// Takes part no longer.
  public func leave(_ part: Part) {
    taken.withLock { taken in
      taken.numbers.remove(part.number)
      taken.holdable.remove(part.number)
    }
  }

  /// Waits until nobody can still be looking at what was published before the call.
  ///
  /// The caller is outside: a part that waited for itself would wait for ever. So a program never changes a map or
  /// a program from within its run.
  public func wait() {
    for number in taken.withLock({ $0.numbers }) {
      unsafe Part(line: lines + 64 * number, number: number).waitUntilOutside(until: .max)
    }
  }

  /// Keeps every holdable part outside until ``release()``, so that several changes look like one to it.
  ///
  /// The flag takes the place of what is published in (A) and (B): a part either sees it, and steps back, or is waited
  /// for here. Called by one thread at a time.
  ///
  /// - Parameter limit: How long to wait for a part that is inside, in nanoseconds.
  /// - Returns: Whether all are outside; where one stayed inside, nobody is held.
  func hold(upTo limit: UInt64) -> Bool {
    held.store(true, ordering: .sequentiallyConsistent)
    let end = clinux_now() &+ limit
    for number in taken.withLock({ $0.holdable }) {
      let part = unsafe Part(line: lines + 64 * number, number: number)
      guard part.waitUntilOutside(until: end) else {
        release()
        return false
      }
    }
    return true
  }

  /// Lets the parts that were held go on.
  func release() { held.store(false, ordering: .releasing) }

  /// Whether holdable parts are to keep outside; looked at inside, in the order of (A).
  @inline(__always)
  var isHeld: Bool { held.load(ordering: .sequentiallyConsistent) }

  /// One loop's or worker's place.
  @safe
  public struct Part: @unchecked Sendable {
    // Safe: a line of the quiescence, which its parts outlive nowhere.
    private let counter: UnsafeMutablePointer<Atomic<UInt64>>
    let number: Int

    init(line: UnsafeMutableRawPointer, number: Int) {
      unsafe counter = line.assumingMemoryBound(to: Atomic<UInt64>.self)
      self.number = number
    }

    /// Begins a section: what is read in it stays alive until ``exit()``.
    @inline(__always)
    public func enter() {
      let value = unsafe counter.pointee.load(ordering: .relaxed)
      unsafe counter.pointee.store(value &+ 1, ordering: .sequentiallyConsistent)  // (A)
    }

    /// Ends the section; nothing that was read inside it is used afterwards.
    @inline(__always)
    public func exit() {
      let value = unsafe counter.pointee.load(ordering: .relaxed)
      unsafe counter.pointee.store(value &+ 1, ordering: .releasing)  // (C)
    }

    /// Waits until the part has left the section that it is in; false if it is still there at `end`.
    @discardableResult
    fileprivate func waitUntilOutside(until end: UInt64) -> Bool {
      let seen = unsafe counter.pointee.load(ordering: .sequentiallyConsistent)  // (B)
      guard seen & 1 == 1 else { return true }
      var spins = 0
      while unsafe counter.pointee.load(ordering: .acquiring) == seen {  // (C)
        spins &+= 1
        if spins & 0xFF == 0 {
          guard clinux_now() < end else { return false }
          sched_yield()
        } else {
          clinux_pause()
        }
      }
      return true
    }
  }
}
