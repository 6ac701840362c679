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
public final class MemoryPort: Port, Sendable {
  /// The operator's name.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  /// How many queues it receives by.
  public let queueCount: Int
  private let registry: MemoryRegistry
  private let queues: [FrameQueue]
  private let infos: [ReceiveQueueInfo]
  private let out: FrameQueue
  private let sent = Atomic<UInt64>(0)
  private let refused = Atomic<UInt64>(0)
  private let largestPacket: Int
  private let sendsFragments: Bool
  private let peer = Mutex<MemoryPort?>(nil)

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
      queues = try (0..<queueCount).map { _ in
        try FrameQueue(arena: registry.arena, capacity: capacity)
      }
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
  public static func join(_ first: MemoryPort, _ second: MemoryPort) {
    first.peer.withLock { $0 = second }
    second.peer.withLock { $0 = first }
  }

  /// Parts two joined ports again, so that both can go.
  public func part() {
    let other = peer.withLock { $0.take() }
    other?.peer.withLock { $0 = nil }
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
    return queues[queue].enqueue(frame)
  }

  /// Takes out a frame that was sent; one thread at a time.
  public func takeSent() -> Frame? {
    out.dequeue()
  }

  /// The frames sent and not yet taken out.
  public var sentCount: Int { out.count }

  /// Receives what was put in.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    queues[queue].dequeue(into: &burst, budget: budget)
  }

  /// Sends frames to the other side, or into the outgoing queue.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    let other = peer.withLock { $0 }
    let target = other?.queues[0] ?? out
    let queueNumber = other?.infos[0].number
    let fitting = moveFittingFirst(&frames)
    let taken = target.enqueue(&frames, count: fitting, queueNumber: queueNumber)
    sent.add(UInt64(taken), ordering: .relaxed)
    guard !frames.isEmpty else { return taken }
    refused.add(UInt64(frames.count), ordering: .relaxed)
    refuse(&frames)
    return taken
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
    for queue in queues + [out] {
      while let frame = queue.dequeue() { frame.recycle(.shutdown) }
    }
  }
}
