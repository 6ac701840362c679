// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import IOUring
internal import Syscalls

/// How a receive loop waits: it spins for a while, then sleeps on a descriptor.
///
/// The descriptor is polled for in the loop's io_uring, where that is to be had, otherwise with `ppoll`. A poll is
/// armed when the loop is about to sleep, by the call that sleeps, and once only: a loop that has work is not told
/// of more, which would cost the sender of every batch a wake-up that nobody needs.
struct Idle: ~Copyable {
  private let mode: ParkingMode
  private var ring: Ring?
  /// What the ring polls for now; -1 for nothing.
  private var armed: RawDescriptor = -1
  private var since: UInt64 = 0
  /// What to sleep on; nil for a port that must be asked.
  var descriptor: RawDescriptor?

  /// The longest sleep: packets wake a loop, so this only bounds how late a stop or a lost wake-up is noticed.
  private static var longestSleep: Duration { .milliseconds(50) }
  /// How long a port that has nothing to sleep on is left alone.
  private static var nap: Duration { .microseconds(50) }

  init(mode: ParkingMode, descriptor: RawDescriptor?, usesRing: Bool) {
    self.mode = mode
    self.descriptor = descriptor
    if usesRing, mode != .spin, descriptor != nil { ring = try? Ring(entries: 4) }
  }

  /// Packets came.
  mutating func reset() {
    since = 0
  }

  /// No packets came: spins, or sleeps until some do.
  mutating func wait() {
    if mode == .spin { return clinux_pause() }
    if mode == .adaptive {
      let now = clinux_now()
      if since == 0 { since = now }
      if now &- since < Parking.spinNanoseconds { return clinux_pause() }
    }
    guard let descriptor else { return Thread.sleep(for: Idle.nap) }
    if !sleepInRing(on: descriptor) {
      _ = try? Poll.wait(descriptor, for: .readable, timeout: Idle.longestSleep)
    }
  }

  /// Sleeps in the ring; false if there is none, or it does not work.
  private mutating func sleepInRing(on descriptor: RawDescriptor) -> Bool {
    guard ring != nil else { return false }
    if armed != descriptor { arm(descriptor) }
    guard armed == descriptor, (try? ring?.submitAndWait(1, timeout: Idle.longestSleep)) != nil
    else {
      // A ring that fails once is not asked again.
      ring = nil
      return false
    }
    while let event = ring?.completion.take() {
      if event.token == Idle.token(of: armed) { armed = -1 }
    }
    return true
  }

  private mutating func arm(_ descriptor: RawDescriptor) {
    if armed >= 0 {
      let cancel = Cancel(token: Idle.token(of: armed))
      _ = ring?.submission.enqueue(cancel, token: Idle.token(of: -1))
    }
    let poll = PollAdd(descriptor, for: .readable)
    let isPrepared = ring?.submission.enqueue(poll, token: Idle.token(of: descriptor))
    armed = isPrepared == true ? descriptor : -1
  }

  /// What the completion of a poll carries; that of a cancellation, which nobody waits for, stands for -1.
  private static func token(of descriptor: RawDescriptor) -> UInt64 {
    UInt64(bitPattern: Int64(descriptor))
  }
}
