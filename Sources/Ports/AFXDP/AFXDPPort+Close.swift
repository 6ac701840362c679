// SPDX-License-Identifier: Apache-2.0

public import MemModels
internal import Synchronization
internal import Syscalls
internal import XDPFrame

extension AFXDPPort {
  /// How long frames that are being sent are waited for.
  private static let patience: UInt64 = 100_000_000

  /// Ends the port: detaches, sends what stands in the rings, and closes the sockets.
  ///
  /// No thread receives or maintains any more; whoever still transmits is refused. Every chunk that the kernel
  /// held is free afterwards. Packets that were delivered and never received count as the kernel's drops: whoever
  /// wants them calls ``detach()`` first and receives until nothing is left.
  ///
  /// May be called again: it then answers for those that have come home meanwhile.
  ///
  /// - Returns: The pools that still wait for chunks, and who holds them.
  @discardableResult
  public func close() -> [Drain] {
    let isFirst = health.withLock { health in
      defer { health.isClosed = true }
      health.detach()
      return !health.isClosed
    }
    if isFirst {
      for queue in queues { queue.setLane(open: false, refusal: .shutdown) }
      let deadline = MonotonicClock.now &+ AFXDPPort.patience
      while queues.contains(where: { $0.finishTransmitting() }), MonotonicClock.now < deadline {
        Thread.sleep(for: .milliseconds(1))
      }
    }
    return queues.flatMap { isFirst ? $0.dismantle() : $0.dismiss() }
  }
}

extension AFXDPQueue {
  /// Kicks once more and takes back what was sent.
  ///
  /// - Returns: Whether something is still on its way.
  fileprivate func finishTransmitting() -> Bool {
    guard isTransmitting else { return false }
    _ = Socket.kickTransmit(state.socket)
    return isTransmitting
  }

  /// Closes the socket for good.
  func dismantle() -> [Drain] {
    closeSocket()
    umem.registry.unregisterQueue(info)
    return dismiss()
  }

  /// Lets the pools go whose last chunks are home.
  fileprivate func dismiss() -> [Drain] {
    [pool.destroy(), copies.destroy()].compactMap { $0 }
  }
}
