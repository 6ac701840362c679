// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import IOUring
public import Synchronization
internal import Syscalls
internal import XDPFrame

extension ReceiveLoop {
  /// Serves the queue until it is told to stop.
  ///
  /// Spins while packets come, then sleeps on the port's descriptor; looks after the port at least every 500 ms.
  ///
  /// - Parameters:
  ///   - isStopping: Set by another thread, which then calls nothing else here.
  ///   - mode: How it waits when nothing comes.
  public func run(until isStopping: borrowing Atomic<Bool>, waiting mode: ParkingMode = .adaptive) {
    var idle = Idle(mode: mode, descriptor: port.pollDescriptor(queue: queue))
    var maintained = clinux_now()
    while !isStopping.load(ordering: .acquiring) {
      let count = poll()
      if count > 0 { idle.reset() } else { idle.wait() }
      let now = count > 0 ? maintained : clinux_now()
      if now &- maintained > ReceiveLoop.maintenancePeriod || count > 0 && isDue(&maintained) {
        port.maintain(queue: queue)
        maintained = clinux_now()
        idle.descriptor = port.pollDescriptor(queue: queue)
      }
    }
    port.maintain(queue: queue)
  }

  /// A quarter of the longest time that a port may go unattended.
  private static var maintenancePeriod: UInt64 { 100_000_000 }

  /// Under load the clock is read once in 64 bursts.
  private func isDue(_ maintained: inout UInt64) -> Bool {
    guard tally[.bursts] & 63 == 0 else { return false }
    return clinux_now() &- maintained > ReceiveLoop.maintenancePeriod
  }
}

/// How a receive loop waits: it spins for a while, then sleeps on a descriptor.
struct Idle: ~Copyable {
  private let mode: ParkingMode
  private var ring: Ring?
  private var armed: RawDescriptor = -1
  private var since: UInt64 = 0
  /// What to sleep on; nil for a port that must be asked.
  var descriptor: RawDescriptor?

  /// The longest sleep: packets wake a loop, so this only bounds how late a stop or a lost wake-up is noticed.
  private static var longestSleep: Duration { .milliseconds(50) }

  init(mode: ParkingMode, descriptor: RawDescriptor?) {
    self.mode = mode
    self.descriptor = descriptor
    ring = try? Ring(entries: 8)
  }

  /// Packets came.
  mutating func reset() {
    since = 0
  }

  /// No packets came.
  mutating func wait() {
    let now = clinux_now()
    if since == 0 { since = now }
    if mode == .spin || (mode == .adaptive && now &- since < Parking.spinNanoseconds) {
      return clinux_pause()
    }
    guard let descriptor else { return Thread.sleep(for: .microseconds(50)) }
    if armed != descriptor { arm(descriptor) }
    guard armed >= 0 else {
      _ = try? Poll.wait(descriptor, for: .readable, timeout: Idle.longestSleep)
      return
    }
    sleep()
  }

  /// Asks the ring to tell of packets from now on.
  private mutating func arm(_ descriptor: RawDescriptor) {
    ring = try? Ring(entries: 8)
    guard
      ring?.submission.enqueue(
        PollAdd(descriptor, for: .readable, multishot: true), token: 1) == true
    else { return }
    armed = descriptor
  }

  private mutating func sleep() {
    _ = try? ring?.submitAndWait(1, timeout: Idle.longestSleep)
    var isArmed = true
    while let event = ring?.completion.take() {
      if !event.hasMore { isArmed = false }
    }
    if !isArmed { armed = -1 }
  }
}
