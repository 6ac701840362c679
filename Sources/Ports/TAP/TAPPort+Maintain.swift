// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
internal import Syscalls
public import XDPFrame

extension TAPPort {
  /// How often a queue's thread looks after the port's health, in nanoseconds: a tenth of the second promised.
  private static let checkInterval: UInt64 = 100_000_000

  /// What the port can do and how it is.
  public var status: PortStatus {
    var status = PortStatus(
      kind: "tap", largestPacket: Int(condition.largestPacket), sendsFragments: true)
    // A thread that may not enter the namespace reads what was counted when a queue was maintained last.
    try? namespace.visit { () throws(SystemCallError) in
      let state = try Interface(named: device).state()
      health.withLock { $0.count(state) }
    }
    health.withLock {
      (status.state, status.reason) = $0.condition
      status.kernelDropped = $0.kernelDropped
    }
    status.sent = sent.load(ordering: .relaxed)
    status.sendErrors = refused.load(ordering: .relaxed)
    return status
  }

  /// Looks after the interface; by the queue's thread.
  public func maintain(queue index: Int) {
    let queue = table.queues[index]
    let now = MonotonicClock.now
    let isSuspect = queue.isSuspect.exchange(false, ordering: .relaxed)
    guard isSuspect || now >= queue.nextCheck.load(ordering: .relaxed) else { return }
    queue.nextCheck.store(now &+ TAPPort.checkInterval, ordering: .relaxed)
    try? namespace.visit { () throws(SystemCallError) in
      health.withLock { check(&$0, at: now) }
    }
  }

  private func check(_ health: inout TAPHealth, at now: UInt64) {
    guard !health.isClosed else { return }
    health.watch.observe()
    health.count(health.watch.state)
    if health.isAttached, !table.queues[0].device.isAttached {
      health.isAttached = false
      for queue in table.queues { try? queue.poll.remove(queue.device.descriptor.raw) }
    }
    if !health.isAttached, health.mayTry(at: now) { attachAgain(&health, at: now) }
    health.publish(to: condition)
  }

  /// Attaches to an interface that has come back under the name.
  private func attachAgain(_ health: inout TAPHealth, at now: UInt64) {
    health.watch.lookUp()
    guard let interface = health.watch.interface else { return }
    do throws(SystemCallError) {
      let attachment = try TAPAttachment(device, queueCount: queueCount, options)
      // The last queue first: the first one tells whether the port is attached.
      for queue in table.queues.reversed() {
        let fresh = try attachment.open(device)
        // Deleted in this moment, it would have been made again; nobody asked for that.
        guard try Interface(named: device).index == interface.index else { return }
        try queue.device.descriptor.replace(with: fresh.descriptor)
        try queue.poll.add(queue.device.descriptor.raw, for: .readable, token: 0)
      }
    } catch {
      return health.noteFailure(error, at: now)
    }
    health.beginAnew()
  }

  /// Stops packets from coming in, by taking the interface's carrier away.
  ///
  /// Those that wait stay to be received, and frames can still be sent.
  public func detach() {
    health.withLock { $0.isWanted = false }
    try? table.queues[0].device.setCarrier(false)
    // Asked for the interface's state, the kernel draws the consequences first.
    try? namespace.visit { () throws(SystemCallError) in
      _ = try Interface(named: device).state()
    }
  }

  /// Detaches from the interface, which disappears if the port made it, and gives back every buffer.
  ///
  /// No thread receives or maintains any more; whoever still transmits is refused.
  public func close() {
    let isFirst = health.withLock { health in
      defer {
        health.isClosed = true
        health.publish(to: condition)
      }
      return !health.isClosed
    }
    guard isFirst else { return }
    for queue in table.queues {
      unsafe queue.receiver.pointee.empty()
      try? queue.poll.remove(queue.device.descriptor.raw)
    }
    guard let nothing = try? FileDescriptor(opening: "/dev/null", O_RDWR) else { return }
    for queue in table.queues { try? queue.device.descriptor.replace(with: nothing) }
  }
}
