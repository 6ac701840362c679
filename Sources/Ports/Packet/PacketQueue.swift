// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
internal import Syscalls
internal import XDPFrame

/// One queue of a packet-socket port.
///
/// Its socket comes and goes with the interface; the queue and its ledger stay.
@safe
final class PacketQueue: Sendable {
  let info: ReceiveQueueInfo
  /// Readable while packets wait, whichever socket it is.
  let poll: Epoll
  let lane: Mutex<PacketLane>
  /// Whether the kernel answered in a way that says the interface is down or gone.
  let isSuspect = Atomic(false)
  /// When the interface is to be looked at next, in nanoseconds of the monotonic clock; the queue's thread.
  let nextCheck = Atomic<UInt64>(0)
  // Safe: an allocation of this object, which the queue's thread alone works on.
  nonisolated(unsafe) private let receiver: UnsafeMutablePointer<PacketReceiver>

  /// Makes a queue without a socket.
  init(
    info: ReceiveQueueInfo, model: any MemoryModel, _ options: PacketOptions
  ) throws(SystemCallError) {
    poll = try Epoll()
    self.info = info
    lane = Mutex(PacketLane(options))
    unsafe receiver = .allocate(capacity: 1)
    unsafe receiver.initialize(to: PacketReceiver(info: info, model: model, options))
  }

  deinit {
    unsafe receiver.deinitialize(count: 1)
    unsafe receiver.deallocate()
  }

  /// The interface that the socket is bound to; nil without a socket.
  var interfaceIndex: UInt32? { lane.withLock { $0.rings?.interfaceIndex } }

  /// Takes the rings of a socket up; the queue's thread.
  func open(_ rings: PacketRings) throws(SystemCallError) {
    try poll.add(rings.socket.raw, for: .readable, token: 0)
    info.interfaceIndex = rings.interfaceIndex
    unsafe receiver.pointee.open(rings)
    lane.withLock { $0.exchange(rings) }
  }

  /// Lets the socket go; the queue's thread, or after it has ended.
  func close() {
    unsafe receiver.pointee.open(nil)
    lane.withLock { lane in
      if let rings = lane.rings { try? poll.remove(rings.socket.raw) }
      lane.exchange(nil)
    }
  }

  /// Receives up to a budget of packets; the queue's thread.
  func receive(_ burst: inout Burst, budget: Int, tally: Tally) {
    unsafe receiver.pointee.receive(&burst, budget: budget, tally)
  }

  /// Sends frames; any thread.
  func transmit(_ frames: inout FrameBulk, largestPacket: Int) -> Int {
    let (sent, failure) = lane.withLock { $0.transmit(&frames, largestPacket: largestPacket) }
    if failure == .networkDown || failure == .noSuchAddressOrDevice || failure == .noSuchDevice {
      isSuspect.store(true, ordering: .relaxed)
    }
    return sent
  }

  /// Sends what an earlier call left behind.
  func kickAgain() {
    lane.withLock { if $0.isKickPending { _ = $0.kick() } }
  }
}
