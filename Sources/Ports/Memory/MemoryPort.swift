// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import Rings
internal import Synchronization
public import XDPFrame

/// A port that exists in memory only: packets are put in, and frames that were sent are taken out.
///
///     put(octets) ──▶ in ──▶ receive loop ··· transmit ──▶ out ──▶ takeSent()
///
/// Two of them can be joined, so that what one sends the other receives, as a veth pair does.
///
/// Anybody may put packets in and transmit; both are serialised by a lock. One thread receives from each queue, one
/// takes out. Bounded: what does not fit is refused, and the caller is told.
@safe
public final class MemoryPort: Port, Sendable {
  /// The operator's name.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  /// How many queues it receives by.
  public let queueCount: Int
  private let registry: MemoryRegistry
  private let queues: QueueTable<FrameQueue>
  private let infos: [ReceiveQueueInfo]
  private let out: FrameQueue
  private let sent = Atomic<UInt64>(0)
  private let refused = Atomic<UInt64>(0)
  private let largestPacket: Int
  private let sendsFragments: Bool
  // Safe: whoever joins takes a reference for each side, and whoever parts gives it back.
  private let peer = unsafe Mutex<Unmanaged<MemoryPort>?>(nil)

  /// Makes a port.
  ///
  /// - Parameters:
  ///   - name: The operator's name.
  ///   - registry: Where its frames find home.
  ///   - queueCount: Receive queues, 1 or more.
  ///   - capacity: Frames that each queue, and the outgoing one, may hold; 1...16384.
  ///   - mtu: The largest packet that may be sent, without its Ethernet header, in octets.
  ///   - sendsFragments: Whether packets with fragments can be sent.
  /// - Throws: ``PortError`` when there is no memory for it.
  public init(
    name: String, registry: MemoryRegistry, queueCount: Int = 1, capacity: Int = 1_024,
    mtu: Int = Limits.packet, sendsFragments: Bool = true
  ) throws(PortError) {
    self.name = name
    self.registry = registry
    self.queueCount = queueCount
    self.sendsFragments = sendsFragments
    largestPacket = mtu + Limits.ethernetHeader
    number = registry.takePortNumber()
    do {
      let number = number
      queues = QueueTable(
        try (0..<queueCount).map { _ in
          try FrameQueue(arena: registry.arena, capacity: capacity)
        })
      out = try FrameQueue(arena: registry.arena, capacity: capacity)
      infos = try (0..<queueCount).map {
        try registry.registerQueue(
          port: number, queue: UInt32($0), memory: MemoryInfo(kind: .pagePool, id: 0))
      }
    } catch {
      throw PortError("memory port \(name): \(error)")
    }
  }

  deinit {
    for info in infos { registry.unregisterQueue(info) }
  }

  /// Joins two ports: what one sends the other receives, by its queue 0.
  ///
  /// Each keeps the other alive until they are parted.
  ///
  /// - Precondition: Neither is joined to another.
  public static func join(_ first: MemoryPort, _ second: MemoryPort) {
    first.link(to: second)
    second.link(to: first)
  }

  private func link(to other: MemoryPort) {
    unsafe peer.withLock {
      unsafe precondition($0 == nil, "A port is joined to one other.")
      unsafe $0 = .passRetained(other)
    }
  }

  /// Parts two joined ports again, so that both can go; once it returns neither puts anything into the other.
  public func part() {
    guard let other = unlink() else { return }
    _ = other.unlink()
  }

  private func unlink() -> MemoryPort? {
    unsafe peer.withLock { unsafe $0.take() }?.takeRetainedValue()
  }

  /// What the port can do and how it is.
  public var status: PortStatus {
    var status = PortStatus(
      kind: "memory", largestPacket: largestPacket, sendsFragments: sendsFragments)
    status.sent = sent.load(ordering: .relaxed)
    status.sendErrors = refused.load(ordering: .relaxed)
    return status
  }

  /// Puts a packet in, as if a wire had brought it; any thread.
  ///
  /// - Returns: nil, or the frame handed back because the queue is full.
  public func put(_ frame: consuming Frame, queue: Int = 0) -> Frame? {
    frame.descriptor.queueNumber = infos[queue].number
    return queues.queues[queue].enqueue(frame)
  }

  /// Takes out a frame that was sent; one thread at a time.
  public func takeSent() -> Frame? {
    out.dequeue()
  }

  /// The frames sent and not yet taken out.
  public var sentCount: Int { out.count }

  /// Receives what was put in.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    queues.with(queue) { $0.dequeue(into: &burst, budget: budget) }
  }

  /// Sends frames to the other side, or into the outgoing queue.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    let fitting = moveFittingFirst(&frames)
    let taken = unsafe peer.withLock { peer in
      guard let other = unsafe peer else {
        return out.enqueue(&frames, count: fitting, queueNumber: nil)
      }
      return unsafe other._withUnsafeGuaranteedRef { $0.deliver(&frames, count: fitting) }
    }
    sent.wrappingAdd(UInt64(taken), ordering: .relaxed)
    guard !frames.isEmpty else { return taken }
    refused.wrappingAdd(UInt64(frames.count), ordering: .relaxed)
    refuse(&frames)
    return taken
  }

  /// Takes what the other side sends.
  private func deliver(_ frames: inout FrameBulk, count: Int) -> Int {
    let queueNumber = infos[0].number
    return queues.with(0) { $0.enqueue(&frames, count: count, queueNumber: queueNumber) }
  }

  /// Moves the frames that may be sent in front of those that may not; answers how many there are.
  private func moveFittingFirst(_ frames: inout FrameBulk) -> Int {
    let descriptors = unsafe frames.descriptors
    var fitting = 0
    for position in 0..<frames.count {
      let descriptor = unsafe descriptors[position]
      guard refusal(of: descriptor) == nil else { continue }
      var gap = position
      while gap > fitting {
        unsafe descriptors[gap] = descriptors[gap - 1]
        gap -= 1
      }
      unsafe descriptors[fitting] = descriptor
      fitting += 1
    }
    return fitting
  }

  private func refusal(of descriptor: Descriptor) -> DropReason? {
    let hasFragments = descriptor.flags.contains(.hasFragments)
    if hasFragments, !sendsFragments { return .redirectNoFragments }
    let more = hasFragments ? Int(descriptor.sharedInfo.fragmentsByteCount) : 0
    return Int(descriptor.byteCount) + more > largestPacket ? .mtu : nil
  }

  private func refuse(_ frames: inout FrameBulk) {
    for position in 0..<frames.count {
      let descriptor = unsafe frames.descriptors[position]
      descriptor.reason = (refusal(of: descriptor) ?? .transmitFull).rawValue
    }
  }

  /// There is nothing to poll: a loop asks.
  public func pollDescriptor(queue: Int) -> Int32? { nil }

  /// There is nothing to look after.
  public func maintain(queue: Int) {}

  /// Sends home whatever is still in the port's queues.
  public func close() {
    for queue in queues.queues + [out] {
      while let frame = queue.dequeue() { frame.recycle(.shutdown) }
    }
  }
}
