// SPDX-License-Identifier: Apache-2.0

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
/// The worker sleeps in its io_uring (``Bed``) and is woken by a message to that ring, for which the producer needs
/// none of its own. Where io_uring is refused it sleeps in `ppoll` on an eventfd. The eventfd also ends the sleep of
/// a worker in its ring: for kernels that send no such messages, and for whoever may wake a worker that is about to
/// close its ring.
public final class Parking: Sendable {
  /// How long an adaptive worker spins: about what one wake-up costs both sides.
  static let spinNanoseconds: UInt64 = 50_000
  let mode: ParkingMode
  let usesRing: Bool
  let event: EventFD
  /// The longest sleep without a wake-up.
  let longestSleep: Duration
  private let sleeping = Atomic<UInt32>(0)
  /// Where messages go; -1 while there is no ring.
  private let ringDescriptor = Atomic<RawDescriptor>(-1)
  private let wakeups = Atomic<UInt64>(0)
  private let sleeps = Atomic<UInt64>(0)

  /// Makes a place to sleep.
  ///
  /// - Parameters:
  ///   - mode: How the worker waits.
  ///   - usesRing: Whether to use io_uring; it must be available.
  ///   - longestSleep: The longest sleep without a wake-up.
  /// - Throws: ``SystemCallFailure`` when there is no descriptor left for an eventfd.
  public init(
    mode: ParkingMode, usesRing: Bool, longestSleep: Duration = .milliseconds(50)
  ) throws(SystemCallFailure) {
    self.mode = mode
    self.longestSleep = longestSleep
    self.usesRing = usesRing && mode != .spin
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
}

// MARK: - The producers' side

extension Parking {
  /// Wakes the worker if it sleeps; called once per flush, by any producer.
  ///
  /// The caller keeps the worker from ending meanwhile, as a ``Quiescence`` section does.
  @inline(__always)
  func wake() {
    atomicMemoryFence(ordering: .sequentiallyConsistent)  // (B)
    if sleeping.load(ordering: .relaxed) != 0 { wakeSleeper() }
  }

  /// Of several producers that see the worker asleep one wakes it.
  @inline(never)
  private func wakeSleeper() {
    guard sleeping.exchange(0, ordering: .acquiringAndReleasing) != 0 else { return }
    wakeups.wrappingAdd(1, ordering: .relaxed)
    let target = ringDescriptor.load(ordering: .acquiring)
    if target >= 0, MessageRing(to: target, token: Bed.messageToken).send() == nil { return }
    event.signal()
  }

  /// Wakes the worker whether it sleeps or not, and even if it is about to end.
  func rouse() {
    event.signal()
  }
}

// MARK: - The worker's side

extension Parking {
  /// Announces the ring that the worker sleeps in from now on; -1 for none.
  func announce(ring descriptor: RawDescriptor) {
    ringDescriptor.store(descriptor, ordering: .releasing)
  }

  /// Says that the worker is about to sleep, and calls `sleep` if there still is no work.
  @inline(__always)
  func sleep(unless hasWork: () -> Bool, _ sleep: () -> Void) {
    sleeping.store(1, ordering: .relaxed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)  // (A)
    if !hasWork() {
      sleeps.wrappingAdd(1, ordering: .relaxed)
      sleep()
    }
    sleeping.store(0, ordering: .relaxed)
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
