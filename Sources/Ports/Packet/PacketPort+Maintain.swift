// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Syscalls
public import XDPFrame

/// What a packet-socket port knows about its interface; under the port's lock.
struct PacketHealth: ~Copyable {
  var watch: InterfaceWatch
  var isClosed = false
  /// Whether packets are to come in.
  var isWanted = true
  /// The number by which the port's sockets share packets; nil until one has made it.
  var group: UInt16?
  /// Why a socket could not be opened again; nil when nothing failed.
  var failure: String?

  init(_ watch: consuming InterfaceWatch) {
    self.watch = watch
  }

  /// Tells every lane whether frames may be sent.
  func publish(to condition: PortCondition) {
    condition.largestPacket = watch.state.largestPacket
    condition.refusal =
      isClosed ? .shutdown : watch.absence != nil ? .portGone : watch.carries ? nil : .portDown
  }

  /// How the port is, and why.
  func condition(areSocketsOpen: Bool) -> (state: PortStatus.State, reason: String) {
    if isClosed { return (.closed, "the port was closed") }
    if let absence = watch.absence { return (.gone, absence) }
    if !watch.state.isUp { return (.down, "the interface is down") }
    if !watch.carries { return (.down, "the interface has no carrier") }
    if !isWanted { return (.down, "the port was detached") }
    return areSocketsOpen ? (.up, "") : (.down, failure ?? "the interface is being taken up")
  }
}

extension PacketPort {
  /// How often a queue's thread looks after the port's health, in nanoseconds: a tenth of the second promised.
  private static let checkInterval: UInt64 = 100_000_000
  /// How long frames that are being sent are waited for, in nanoseconds.
  private static let patience: UInt64 = 100_000_000

  /// What the port can do and how it is.
  public var status: PortStatus {
    var status = PortStatus(
      kind: "packet", largestPacket: Int(condition.largestPacket), sendsFragments: true)
    var isOpen = true
    for queue in table.queues {
      queue.lane.withLock { lane in
        isOpen = isOpen && lane.rings != nil
        status.kernelDropped &+= lane.takeDropped()
      }
    }
    health.withLock { (status.state, status.reason) = $0.condition(areSocketsOpen: isOpen) }
    status.sent = sent.load(ordering: .relaxed)
    status.sendErrors = refused.load(ordering: .relaxed)
    return status
  }

  /// Looks after the interface, and brings the queue's socket in line with it; by the queue's thread.
  public func maintain(queue index: Int) {
    let queue = table.queues[index]
    queue.kickAgain()
    let now = MonotonicClock.now
    let isSuspect = queue.isSuspect.exchange(false, ordering: .relaxed)
    guard isSuspect || now >= queue.nextCheck.load(ordering: .relaxed) else { return }
    queue.nextCheck.store(now &+ PacketPort.checkInterval, ordering: .relaxed)
    try? namespace.visit { () throws(SystemCallError) in
      health.withLock { check(queue, &$0) }
    }
  }

  private func check(_ queue: PacketQueue, _ health: inout PacketHealth) {
    guard !health.isClosed else { return }
    health.watch.observe()
    // A socket that met an error polls readable until somebody asks for it.
    queue.lane.withLock { _ = (try? $0.rings?.socket.takeError()) ?? nil }
    let interface = health.watch.interface
    if let index = queue.interfaceIndex, index != interface?.index { queue.close() }
    if let interface, queue.interfaceIndex == nil {
      do throws(SystemCallError) {
        try open(queue, on: interface, &health)
        health.failure = nil
      } catch {
        health.failure = "\(error)"
      }
    }
    health.publish(to: condition)
  }

  /// Stops packets from coming in; those already received stay to be received, and frames can still be sent.
  public func detach() {
    health.withLock { $0.isWanted = false }
    for queue in table.queues { queue.lane.withLock { $0.rings?.refuseAll() } }
    // The kernel hands over a block that is not full when its time is up.
    Thread.sleep(for: .milliseconds(4 * options.blockTimeout + 4))
  }

  /// Sends what stands in the rings, and closes the sockets.
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
    let deadline = MonotonicClock.now &+ PacketPort.patience
    while MonotonicClock.now < deadline, table.queues.contains(where: { $0.isTransmitting }) {
      Thread.sleep(for: .milliseconds(1))
    }
    for queue in table.queues { queue.close() }
  }
}

extension PacketQueue {
  /// Kicks once more; answers whether something is still on its way.
  fileprivate var isTransmitting: Bool {
    lane.withLock { lane in
      guard lane.isTransmitting() else { return false }
      _ = lane.kick()
      return lane.isTransmitting()
    }
  }
}
