// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// A TAP interface, the way to the kernel's stack and from it.
///
/// What a kernel, or a guest behind it, transmits by the interface is received here; what is transmitted here the
/// kernel receives by it.
///
///     kernel ── tap ──┬─ queue 0: buffers, lane ── thread of queue 0
///                     └─ queue 1: buffers, lane ── thread of queue 1
///
/// A queue is served by one thread. Anybody transmits: a caller's context number says by which queue, so one caller's
/// frames stay in order. Packets are read and written many at a time, and copied by the kernel.
///
/// With ``SenderOffload/segmentation`` long packets arrive whole, marked ``PacketFlags/segmented``, and are sent on
/// as such; whatever else can be done about checksums is done when a packet is received.
///
/// The port outlives its interface: when that goes down or away the status says so within a second, and when an
/// interface of that name is made again the port attaches to it by itself. It never makes one again itself.
///
/// - Note: Never allocates heap memory while packets flow.
public final class TAPPort: Port, Sendable {
  /// The name the operator gave it.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  /// The interface's name.
  public let device: String
  /// How the port was set up.
  public let options: TAPOptions
  private let registry: MemoryRegistry
  let table: QueueTable<TAPQueue>
  let condition: PortCondition
  let namespace: NetworkNamespace
  let health: Mutex<TAPHealth>
  let sent = Atomic<UInt64>(0)
  let refused = Atomic<UInt64>(0)

  /// Attaches to an interface, and makes it if there is none of that name.
  ///
  /// One that is made disappears with the port; it comes up with the MTU of the options. One that exists is left as it
  /// is.
  ///
  /// - Parameters:
  ///   - name: The name the operator gave the port.
  ///   - device: The interface's name, in the calling thread's network namespace.
  ///   - registry: Where frames find home.
  ///   - models: What each queue receives into, owned by the thread that serves it; 1...256 queues.
  ///   - options: How the port is to be set up.
  /// - Throws: ``PortError``.
  public init(
    name: String, device: String, registry: MemoryRegistry, models: [any MemoryModel],
    options: TAPOptions = TAPOptions()
  ) throws(PortError) {
    guard (1...TAPAttachment.queueLimit).contains(models.count) else {
      throw PortError("port \(name): a TAP has 1...\(TAPAttachment.queueLimit) queues")
    }
    guard options.mode != .headerSplit else {
      throw PortError("port \(name): headers are not split on a TAP")
    }
    self.name = name
    self.device = device
    self.registry = registry
    self.options = options
    number = registry.takePortNumber()
    var queues: [TAPQueue] = []
    do throws(SystemCallError) {
      namespace = try NetworkNamespace.current()
      let isNew = !Interface.exists(device)
      let attachment = try TAPAttachment(device, queueCount: models.count, options)
      let first = try attachment.open(device)
      if isNew { try TAPAttachment.prepare(device, mtu: options.mtu) }
      let watch = try InterfaceWatch(device)
      let longest = TAPPort.longestPacket(watch.state, options)
      condition = PortCondition(largestPacket: watch.state.largestPacket)
      health = Mutex(TAPHealth(watch))
      queues = try TAPPort.makeQueues(
        first, attachment, device: device, port: number, registry, models, longest, options)
    } catch {
      throw TAPAttachment.explain(error, port: name, queueCount: models.count)
    }
    table = QueueTable(queues)
    health.withLock { $0.publish(to: condition) }
  }

  /// Octets of the longest packet that may come.
  private static func longestPacket(_ state: InterfaceState, _ options: TAPOptions) -> Int {
    let largest = Int(state.largestPacket)
    return options.offload == .segmentation ? max(largest, SenderOffload.longestPacket) : largest
  }

  private static func makeQueues(
    _ first: consuming TAPDevice, _ attachment: TAPAttachment, device: String, port: UInt32,
    _ registry: MemoryRegistry, _ models: [any MemoryModel], _ longest: Int, _ options: TAPOptions
  ) throws(SystemCallError) -> [TAPQueue] {
    var first: TAPDevice? = consume first
    var queues: [TAPQueue] = []
    do throws(SystemCallError) {
      for (index, model) in models.enumerated() {
        let tap = if let one = first.take() { one } else { try attachment.open(device) }
        let info = try registry.registerDeviceQueue(port: port, queue: index, model)
        queues.append(
          try TAPQueue(tap, info: info, model: model, longest: longest, options))
      }
    } catch {
      for queue in queues { registry.unregisterQueue(queue.info) }
      throw error
    }
    return queues
  }

  deinit {
    for queue in table.queues { registry.unregisterQueue(queue.info) }
  }

  /// How many queues it receives by.
  public var queueCount: Int { table.queues.count }

  /// Receives up to a budget of packets.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    table.with(queue) { $0.receive(&burst, budget: budget, tally: tally) }
  }

  /// Sends frames by the queue that the caller's context chooses.
  ///
  /// A frame longer than the MTU with an Ethernet header and a VLAN tag is refused with ``DropReason/mtu``, unless it is
  /// to be cut into segments that are not; any frame while the interface is down or gone with ``DropReason/portDown`` or
  /// ``DropReason/portGone``.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    let count = frames.count
    if let refusal = condition.refusal {
      frames.refuse(from: 0, refusal)
      refused.wrappingAdd(UInt64(count), ordering: .relaxed)
      return 0
    }
    let lane = Int(truncatingIfNeeded: clinux_context()) % queueCount
    let taken = table.with(lane) {
      $0.transmit(&frames, largestPacket: Int(condition.largestPacket))
    }
    sent.wrappingAdd(UInt64(taken), ordering: .relaxed)
    if taken < count { refused.wrappingAdd(UInt64(count - taken), ordering: .relaxed) }
    return taken
  }

  /// A descriptor that polls readable while packets wait; the same for as long as the port lives.
  public func pollDescriptor(queue: Int) -> Int32? { table.queues[queue].poll.descriptor.raw }

  /// Runs a program on what the kernel transmits by a queue, when that is received, before anybody else sees it.
  ///
  /// What it drops ends here, and TX puts a packet back into the kernel's receive path. Any thread; once it returns the
  /// old program does not run any more.
  ///
  /// - Parameters:
  ///   - program: Run by one thread at a time; nil for none.
  ///   - queue: 0 up to ``queueCount``.
  public func setTransmitProgram(_ program: (any Program & Sendable)?, queue: Int) {
    table.queues[queue].setFilter(program)
  }
}
