// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import IOUring
internal import Synchronization
internal import Syscalls

/// How a thread waits for work.
public enum ParkingMode: String, Sendable, CaseIterable {
  /// It never sleeps.
  case spin
  /// It spins for a while, then sleeps.
  case adaptive
  /// It sleeps at once.
  case sleep
}

/// Where a worker sleeps, and where producers wake it.
///
/// A sleeper says so, looks once more whether there is work, and only then sleeps. A producer publishes its work,
/// and then looks whether the worker sleeps. Both put a full fence between their write and their read:
///
///     (A) worker: sleeping = 1, fence, ring empty? sleep
///     (B) producer: work published, fence, sleeping == 1? wake
///
/// Without either fence both reads may pass the writes, and the worker sleeps on its work. A timeout of 50 ms bounds
/// what a mistake here would cost.
///
/// The worker sleeps in its io_uring and is woken by a message from the producer's own ring; where io_uring is
/// refused, in `poll` on an eventfd.
public final class Parking: Sendable {
  /// How long an adaptive worker spins: about what one wake-up costs both sides.
  static let spinNanoseconds: UInt64 = 50_000
  static let longestSleep = Duration.milliseconds(50)

  let mode: ParkingMode
  private let usesRing: Bool
  private let sleeping = Atomic<UInt32>(0)
  private let ringDescriptor = Atomic<Int32>(-1)
  private let event: EventFD
  private let wakeups = Atomic<UInt64>(0)
  private let sleeps = Atomic<UInt64>(0)

  /// Makes a place to sleep.
  ///
  /// - Parameters:
  ///   - mode: How the worker waits.
  ///   - usesRing: Whether to use io_uring; it must be available.
  /// - Throws: ``SystemCallFailure`` when there is no descriptor left for an eventfd.
  public init(mode: ParkingMode, usesRing: Bool) throws(SystemCallFailure) {
    self.mode = mode
    self.usesRing = usesRing
    do throws(SystemCallError) {
      event = try EventFD()
    } catch {
      throw SystemCallFailure(error)
    }
  }

  /// How often a sleeping worker was woken, and how often it went to sleep.
  public var counts: (wakeups: UInt64, sleeps: UInt64) {
    (wakeups.load(ordering: .relaxed), sleeps.load(ordering: .relaxed))
  }

  /// Wakes the worker if it sleeps; called once per flush, by any producer.
  @inline(__always)
  func wake() {
    atomicMemoryFence(ordering: .sequentiallyConsistent)  // (B)
    if sleeping.load(ordering: .relaxed) != 0 { wakeSleeper() }
  }

  @inline(never)
  private func wakeSleeper() {
    guard sleeping.exchange(0, ordering: .acquiringAndReleasing) != 0 else { return }
    wakeups.add(1, ordering: .relaxed)
    let target = ringDescriptor.load(ordering: .acquiring)
    guard usesRing, target >= 0, WakeRing.send(to: target) else { return event.signal() }
  }

  /// One worker's side.
  struct Bed: ~Copyable {
    private let parking: Parking
    private var ring: Ring?
    private var since: UInt64 = 0

    /// Lies down on the calling thread, which is the only one to use it.
    init(_ parking: Parking) {
      self.parking = parking
      guard parking.usesRing, let ring = try? Ring(entries: 8) else { return }
      _ = ring.submission.enqueue(
        PollAdd(parking.event.descriptor.raw, for: .readable, multishot: true), token: 2)
      parking.ringDescriptor.store(ring.descriptor, ordering: .releasing)
      self.ring = consume ring
    }

    deinit {
      parking.ringDescriptor.store(-1, ordering: .releasing)
    }

    /// There was work.
    mutating func reset() {
      since = 0
    }

    /// There was none: spins, or sleeps if there still is none.
    ///
    /// - Parameter hasWork: Asked once more after the worker said that it sleeps.
    mutating func wait(unless hasWork: () -> Bool) {
      if parking.mode == .spin { return clinux_pause() }
      if parking.mode == .adaptive {
        let now = clinux_now()
        if since == 0 { since = now }
        if now &- since < Parking.spinNanoseconds { return clinux_pause() }
      }
      parking.sleeping.store(1, ordering: .relaxed)
      atomicMemoryFence(ordering: .sequentiallyConsistent)  // (A)
      if !hasWork() { sleep() }
      parking.sleeping.store(0, ordering: .relaxed)
    }

    private mutating func sleep() {
      parking.sleeps.add(1, ordering: .relaxed)
      if ring != nil {
        _ = try? ring?.submitAndWait(1, timeout: Parking.longestSleep)
        while ring?.completion.take() != nil {}
      } else {
        _ = try? Poll.wait(
          parking.event.descriptor.raw, for: .readable, timeout: Parking.longestSleep)
      }
      _ = parking.event.drain()
    }
  }
}

/// A kernel call that a datapath needed was refused.
public struct SystemCallFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The call, its subject and the reason.
  public let description: String

  init(_ error: SystemCallError) {
    description = error.description
  }
}
