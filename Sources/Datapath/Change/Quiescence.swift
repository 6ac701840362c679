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
  private let taken = Mutex<Set<Int>>([])

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
  /// - Precondition: Fewer than ``limit`` take part.
  public func join() -> Part {
    let number = taken.withLock { taken in
      let number = (0..<Quiescence.limit).first { !taken.contains($0) }
      if let number { taken.insert(number) }
      return number
    }
    guard let number else { preconditionFailure("Too many loops and workers take part.") }
    return unsafe Part(line: lines + 64 * number, number: number)
  }

  /// Takes part no longer.
  public func leave(_ part: Part) {
    _ = taken.withLock { $0.remove(part.number) }
  }

  /// Waits until nobody can still be looking at what was published before the call.
  ///
  /// The caller is outside: a part that waited for itself would wait for ever. So a program never changes a map or
  /// a program from within its run.
  public func wait() {
    for number in taken.withLock({ Array($0) }) {
      unsafe Part(line: lines + 64 * number, number: number).waitUntilOutside()
    }
  }

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

    fileprivate func waitUntilOutside() {
      let seen = unsafe counter.pointee.load(ordering: .sequentiallyConsistent)  // (B)
      guard seen & 1 == 1 else { return }
      var spins = 0
      while unsafe counter.pointee.load(ordering: .acquiring) == seen {  // (C)
        spins &+= 1
        if spins & 0xFF == 0 { sched_yield() } else { clinux_pause() }
      }
    }
  }
}
