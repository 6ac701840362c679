// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import Synchronization
internal import XDPFrame

extension ReceiveLoop {
  /// Serves the queue until it is told to stop, then receives what the port still holds.
  ///
  /// Spins while packets come, then sleeps on the port's descriptor; looks after the port at least every 500 ms. Who
  /// sets `isStopping` calls `detach()` on the port first: what comes in later may be left there.
  ///
  /// - Parameters:
  ///   - isStopping: Set by another thread, which then calls nothing else here.
  ///   - mode: How it waits when nothing comes.
  public func run(until isStopping: borrowing Atomic<Bool>, waiting mode: ParkingMode = .adaptive) {
    var idle = Idle(mode: mode, descriptor: port.pollDescriptor(queue: queue), usesRing: usesRing)
    var maintained = clinux_now()
    while !isStopping.load(ordering: .acquiring) {
      let count = poll()
      if count > 0 { idle.reset() } else { idle.wait() }
      // Under load the clock is read once in 64 bursts.
      guard count == 0 || tally[.bursts] & 63 == 0 else { continue }
      let now = clinux_now()
      guard now &- maintained > ReceiveLoop.maintenancePeriod else { continue }
      port.maintain(queue: queue)
      maintained = now
      idle.descriptor = port.pollDescriptor(queue: queue)
    }
    drain()
    port.maintain(queue: queue)
  }

  /// A fifth of the longest time that a port may go unattended.
  private static var maintenancePeriod: UInt64 { 100_000_000 }

  /// Receives what is left; bounded, for a port that goes on bringing packets.
  private func drain() {
    var left = ReceiveLoop.drainLimit
    while left > 0, poll() > 0 { left -= 1 }
  }

  /// The bursts that drain the largest ring there is.
  private static var drainLimit: Int { Limits.queue / Limits.budget }
}
