// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// A network interface through packet sockets, which need neither a driver's help nor programs in the kernel.
///
///     interface ──┬─ queue 0: socket, rings ── thread of queue 0
///                 └─ queue 1: socket, rings ── thread of queue 1
///
/// All that `CAP_NET_RAW` in the interface's own user namespace allows, so it works where nobody is root. The kernel's
/// stack sees every packet too: an interface that is to serve this port alone has no addresses.
///
/// Several queues share the interface's packets by flow. A queue is served by one thread. Anybody transmits: a caller's
/// context number says by which queue, so one caller's frames stay in order. Packets are copied, out of and into rings
/// shared with the kernel.
///
/// The port outlives its interface: when that goes down or away the status says so within a second, and when an
/// interface of that name returns the port takes it up again by itself.
///
/// - Note: Never allocates heap memory while packets flow.
public final class PacketPort: Port, Sendable {
  /// The name the operator gave it.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  /// The interface's name, by which it is taken up again.
  public let device: String
  /// How the port was set up.
  public let options: PacketOptions
  private let registry: MemoryRegistry
  let table: QueueTable<PacketQueue>
  let condition: PortCondition
  let namespace: NetworkNamespace
  let health: Mutex<PacketHealth>
  let sent = Atomic<UInt64>(0)
  let refused = Atomic<UInt64>(0)

  /// Takes up an interface.
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
    options: PacketOptions = PacketOptions()
  ) throws(PortError) {
    guard (1...PacketPort.queueLimit).contains(models.count) else {
      throw PortError(
        "port \(name): an interface is shared by 1...\(PacketPort.queueLimit) sockets")
    }
    self.name = name
    self.device = device
    self.registry = registry
    self.options = options
    number = registry.takePortNumber()
    do throws(SystemCallError) {
      namespace = try NetworkNamespace.current()
      let watch = try InterfaceWatch(device)
      condition = PortCondition(largestPacket: watch.state.largestPacket)
      health = Mutex(PacketHealth(watch))
      table = QueueTable(try PacketPort.makeQueues(models, number, registry, options))
    } catch {
      throw PacketPort.explain(error, port: name)
    }
    do throws(SystemCallError) {
      try health.withLock { health throws(SystemCallError) in
        guard let interface = health.watch.interface else { return }
        for queue in table.queues { try open(queue, on: interface, &health) }
        health.publish(to: condition)
      }
    } catch {
      close()
      throw PacketPort.explain(error, port: name)
    }
  }

  deinit {
    for queue in table.queues {
      queue.close()
      registry.unregisterQueue(queue.info)
    }
  }

  /// The most sockets that share an interface, `PACKET_FANOUT_MAX` of old kernels.
  private static let queueLimit = 256

  private static func makeQueues(
    _ models: [any MemoryModel], _ port: UInt32, _ registry: MemoryRegistry,
    _ options: PacketOptions
  ) throws(SystemCallError) -> [PacketQueue] {
    var queues: [PacketQueue] = []
    do throws(SystemCallError) {
      for (index, model) in models.enumerated() {
        let info = try registry.registerDeviceQueue(port: port, queue: index, model)
        queues.append(try PacketQueue(info: info, model: model, options))
      }
    } catch {
      for queue in queues { registry.unregisterQueue(queue.info) }
      throw error
    }
    return queues
  }

  /// Opens a queue's socket, and lets it join the others.
  func open(
    _ queue: PacketQueue, on interface: Interface, _ health: inout PacketHealth
  ) throws(SystemCallError) {
    let longest =
      options.offload == .segmentation
      ? SenderOffload.longestPacket : Int(condition.largestPacket)
    let rings = try PacketRings(interface, longest: longest, options)
    if queueCount > 1 { health.group = try rings.join(group: health.group) }
    try queue.open(rings)
  }

  private static func explain(_ error: SystemCallError, port: String) -> PortError {
    let advice: String? =
      switch (error.call, error.errno) {
      case ("socket", .notPermitted): "packet sockets need CAP_NET_RAW"
      case ("if_nametoindex", .noSuchDevice):
        "there is no such interface in this network namespace; see ip link"
      case ("setsockopt PACKET_RX_RING", .noMemory), ("setsockopt PACKET_TX_RING", .noMemory):
        "the kernel has no room for the rings"
      default: nil
      }
    return PortError(
      "port \(port): \(error)" + (advice.map { "; \($0)" } ?? ""), errno: error.errno)
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
}
