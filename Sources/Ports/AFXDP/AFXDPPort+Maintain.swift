// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import MemModels
internal import Synchronization
internal import Syscalls
internal import XDPFrame

extension AFXDPPort {
  /// How often a queue's thread looks after the port's health, in nanoseconds: a tenth of the second promised.
  static let checkInterval: UInt64 = 100_000_000

  /// Takes back sent chunks, refills, and looks after the interface; by the queue's thread.
  public func maintain(queue index: Int) {
    maintain(queue: index, at: MonotonicClock.now)
  }

  func maintain(queue index: Int, at now: UInt64) {
    let queue = queues[index]
    queue.maintain()
    guard now >= queue.state.nextCheck || queue.state.isSuspect else { return }
    queue.state.nextCheck = now &+ AFXDPPort.checkInterval
    queue.state.isSuspect = false
    // A thread that may not enter the namespace learns of it when a socket cannot be opened.
    try? namespace.visit { () throws(SystemCallError) in check(queue, at: now) }
  }

  /// Looks after the interface, and brings the queue's socket in line with it.
  private func check(_ queue: AFXDPQueue, at now: UInt64) {
    let isBound = queue.isBound
    health.withLock { health in
      guard !health.isClosed else { return }
      health.observe()
      if queue.isSocketOpen, !isBound, health.interface?.index == queue.boundInterface {
        // The socket knows what no message has told.
        health.lookUp()
      }
      health.checkLink()
      settle(queue, isBound: isBound, &health, at: now)
      health.publish(to: condition, queues)
    }
  }

  /// Closes a socket that no longer serves the interface, opens one that is missing, attaches when all are open.
  private func settle(
    _ queue: AFXDPQueue, isBound: Bool, _ health: inout AFXDPHealth, at now: UInt64
  ) {
    if queue.isSocketOpen {
      let serves = isBound && queue.boundInterface == health.interface?.index
      if !serves || queue.isCorrupt {
        // What the kernel delivered before is still received, as long as it makes sense.
        queue.setLane(open: false, refusal: .portGone)
        guard queue.isCorrupt || queue.unseenPackets() == 0 else { return }
        queue.closeSocket()
      }
    }
    guard let interface = health.interface, health.state.isUp, health.mayTry(at: now) else {
      return
    }
    do throws(SystemCallError) {
      if !queue.isSocketOpen { try queue.openSocket(health.program, on: interface, options) }
      guard queues.allSatisfy(\.isSocketOpen) else { return }
      try health.attach()
      health.noteSuccess()
    } catch {
      health.noteFailure(error, at: now)
    }
  }

  /// Opens a queue's socket for the first time.
  func open(_ queue: AFXDPQueue) throws(SystemCallError) {
    try health.withLock { health throws(SystemCallError) in
      guard let interface = health.interface else { return }
      try queue.openSocket(health.program, on: interface, options)
    }
  }

  /// Lets packets in, or in again after ``detach()``.
  ///
  /// - Throws: ``AFXDPError`` when another program is attached, or the interface is gone.
  public func attach() throws(AFXDPError) {
    do throws(SystemCallError) {
      try namespace.visit { () throws(SystemCallError) in
        try health.withLock { health throws(SystemCallError) in
          health.isWanted = true
          try health.attach()
        }
      }
    } catch {
      throw .refused(error, interface: device)
    }
  }

  /// Stops packets from coming in; those already received stay to be received, and frames can still be sent.
  public func detach() {
    health.withLock { health in
      health.isWanted = false
      health.detach()
    }
  }
}

extension AFXDPQueue {
  /// Takes back what was sent, gives out what is free, and sends what was left behind; the queue's thread.
  fileprivate func maintain() {
    pool.adopt()
    tryReap()
    refill()
    if state.isKickPending { kickAgain() }
  }
}
