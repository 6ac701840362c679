// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// A port that exists in memory only: packets are put in, and frames that were sent are taken out.
///
///     put(frame) ──▶ frames ──┐
///                             ├──▶ receive loop ··· transmit ──▶ out ──▶ takeSent()
///     put(octets) ─▶ octets ──┘
///
/// Frames that are put in keep their buffers. Octets are received into buffers of the queue's own model, as from a
/// wire, so whoever puts them in needs no memory of the datapath. Two ports can be joined, so that what one sends the
/// other receives, as a veth pair does.
///
/// Anybody may put packets in and transmit. One thread receives from each queue, one takes out. Bounded: what does
/// not fit is refused, and the caller is told.
@safe
public final class MemoryPort: Port, Sendable {
  /// The operator's name.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  /// How many queues it receives by.
  public let queueCount: Int
  let registry: MemoryRegistry
  let queues: QueueTable<Queue>
  let out: FrameQueue
  let largestPacket: Int
  let largestReceived: Int
  let sendsFragments: Bool
  let singleBufferByteCount: Int
  let isDetached = Atomic(false)
  let isClosed = Atomic(false)
  let sent = Atomic<UInt64>(0)
  let refused = Atomic<UInt64>(0)
  // Safe: whoever joins takes a reference for each side, and whoever parts gives it back.
  let peer = unsafe Mutex<Unmanaged<MemoryPort>?>(nil)

  /// One receive queue.
  @safe
  final class Queue: Sendable {
    let info: ReceiveQueueInfo
    let frames: FrameQueue
    /// Where octets wait, and what they are received into; nil for a port that takes frames only.
    // Safe: the queue holds a reference until it goes; nobody counts another per burst.
    let wire: Unmanaged<Wire>?

    init(info: ReceiveQueueInfo, frames: FrameQueue, wire: Wire?) {
      self.info = info
      self.frames = frames
      unsafe self.wire = wire.map { unsafe .passRetained($0) }
    }

    deinit {
      unsafe wire?.release()
    }

    /// Where octets wait, for whoever is in no hurry.
    var octets: OctetQueue? { unsafe wire?.takeUnretainedValue().octets }
  }

  /// What octets need on their way in.
  final class Wire: Sendable {
    let octets = OctetQueue(byteCount: MemoryPort.wireByteCount)
    let model: any MemoryModel
    let mode: ReceiveMode

    init(model: any MemoryModel, mode: ReceiveMode) {
      self.model = model
      self.mode = mode
    }
  }

  /// Octets that each queue may hold which were put in as octets.
  static let wireByteCount = 1 << 20

  /// Makes a port.
  ///
  /// - Parameters:
  ///   - name: The operator's name.
  ///   - registry: Where its frames find home.
  ///   - queueCount: Receive queues, 1...1023.
  ///   - capacity: Frames that each queue, and the outgoing one, may hold; 1...16384.
  ///   - mtu: The largest packet that may be sent, without its Ethernet header, in octets; a VLAN tag may come on top.
  ///   - sendsFragments: Whether packets with fragments can be sent.
  ///   - models: What each queue receives octets into, owned by the thread that receives from it; none for a port
  ///     that takes frames only.
  ///   - mode: How octets are laid over buffers.
  /// - Throws: ``PortError`` for impossible numbers, or when there is no memory for it.
  public init(
    name: String, registry: MemoryRegistry, queueCount: Int = 1, capacity: Int = 1_024,
    mtu: Int = Limits.packet, sendsFragments: Bool = true, models: [any MemoryModel] = [],
    receiving mode: ReceiveMode = .jumbo
  ) throws(PortError) {
    guard (1..<ReceiveQueueInfo.limit).contains(queueCount),
      (1...Limits.queue).contains(capacity), mtu > 0,
      models.isEmpty || models.count == queueCount
    else {
      throw PortError(
        "memory port \(name): 1...1023 queues of 1...16384 frames, an MTU above 0, and a model for"
          + " each queue or none")
    }
    self.name = name
    self.registry = registry
    self.queueCount = queueCount
    self.sendsFragments = sendsFragments
    largestPacket = mtu + InterfaceLimits.framing
    largestReceived = mtu + Limits.ethernetHeader
    // Of a packet whose headers are split off only those are in the first buffer.
    singleBufferByteCount =
      mode == .headerSplit
      ? Limits.ethernetHeader : models.map(\.linearByteCount).min() ?? Limits.linear
    number = registry.takePortNumber()
    var made: [Queue] = []
    do {
      out = try FrameQueue(arena: registry.arena, capacity: capacity)
      for position in 0..<queueCount {
        let frames = try FrameQueue(arena: registry.arena, capacity: capacity)
        let model = models.isEmpty ? nil : models[position]
        // Frames that are handed over whole bring their own models; the queue then needs none.
        let info = try registry.registerQueue(
          port: number, queue: UInt32(position),
          memory: model?.memory ?? MemoryInfo(kind: .sharedPage, id: 0))
        let wire = model.map { Wire(model: $0, mode: mode) }
        made.append(Queue(info: info, frames: frames, wire: wire))
      }
    } catch {
      for queue in made { registry.unregisterQueue(queue.info) }
      throw PortError("memory port \(name): \(error)")
    }
    queues = QueueTable(made)
  }

  deinit {
    for queue in queues.queues { registry.unregisterQueue(queue.info) }
  }

  /// What the port can do and how it is.
  public var status: PortStatus {
    var status = PortStatus(
      kind: "memory", largestPacket: largestPacket, sendsFragments: sendsFragments)
    status.largestReceived = largestReceived
    status.singleBufferByteCount = singleBufferByteCount
    if isClosed.load(ordering: .relaxed) {
      status.state = .closed
      status.reason = "it was closed"
    }
    status.sent = sent.load(ordering: .relaxed)
    status.sendErrors = refused.load(ordering: .relaxed)
    return status
  }

  /// There is nothing to poll: a loop asks.
  public func pollDescriptor(queue: Int) -> Int32? { nil }

  /// There is nothing to look after.
  public func maintain(queue: Int) {}

  /// Lets nothing more be put in; what was put in before is still received.
  public func detach() {
    isDetached.store(true, ordering: .releasing)
  }

  /// Parts the port from its peer, refuses everything from now on, and sends home what is still in its queues.
  ///
  /// Its queues' threads have stopped, and nobody takes out.
  public func close() {
    part()
    detach()
    isClosed.store(true, ordering: .releasing)
    for frames in queues.queues.map(\.frames) + [out] {
      while let frame = frames.dequeue() { frame.recycle(.shutdown) }
    }
    for octets in queues.queues.compactMap(\.octets) {
      while unsafe octets.first() != nil { octets.removeFirst() }
    }
  }
}
