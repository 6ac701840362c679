// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import MemModels
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// A network interface, received from and transmitted to through AF_XDP.
///
///     interface ── program ──┬─ queue 0: socket, pool, lane ── thread of queue 0
///                            └─ queue 1: socket, pool, lane ── thread of queue 1
///
/// A queue is served by one thread. Anybody transmits: a caller's context number says by which queue, so that
/// workers with a queue each never meet, and one caller's frames stay in order. Frames that lie in the port's UMEM,
/// whichever port received them, are sent without a copy; others are copied.
///
/// The port outlives its interface: when that goes down or away the status says so within a second, every chunk
/// comes back, and when an interface of that name returns the port takes it up again by itself.
///
/// Made, maintained and closed in the interface's network namespace, or by a thread that may enter it.
///
/// - Note: Never allocates heap memory while packets flow.
public final class AFXDPPort: Port, Sendable {
  /// The name the operator gave it.
  public let name: String
  /// The number in its datapath.
  public let number: UInt32
  /// The interface's name, by which it is taken up again.
  public let device: String
  /// The memory that is received into and transmitted from.
  public let umem: UMEM
  /// How the port was set up.
  public let options: AFXDPOptions
  private let table: QueueTable<AFXDPQueue>
  let condition: PortCondition
  /// Where the interface is.
  let namespace: NetworkNamespace
  let health: Mutex<AFXDPHealth>

  /// Takes up an interface.
  ///
  /// - Parameters:
  ///   - name: The name the operator gave the port.
  ///   - device: The interface's name, in the calling thread's network namespace.
  ///   - queues: Which of the interface's queues are served, each once: queue 0 of the port is the first of them.
  ///   - umem: The memory, shared with whatever ports frames are to be passed to without a copy. It needs
  ///     ``AFXDPOptions/chunkCount(queueCount:)`` free chunks.
  ///   - options: How the port is to be set up.
  /// - Throws: ``AFXDPError``, after trying for two seconds where another socket was just closed.
  public init(
    name: String, device: String, queues: [Int], umem: UMEM,
    options: AFXDPOptions = AFXDPOptions()
  ) throws(AFXDPError) {
    try options.check()
    guard let last = queues.max(), queues.allSatisfy({ $0 >= 0 }),
      Set(queues).count == queues.count
    else { throw .option("queues", queues.count, allowed: "one or more, each named once") }
    self.name = name
    self.device = device
    self.umem = umem
    self.options = options
    number = umem.registry.takePortNumber()
    let available: Int
    do throws(SystemCallError) {
      namespace = try NetworkNamespace.current()
      health = Mutex(try AFXDPHealth(device: device, queueCount: last + 1, options))
      let counts = try Interface(named: device).queueCounts()
      available = Int(max(counts.receive, counts.transmit))
    } catch {
      throw .refused(error, interface: device)
    }
    let state = health.withLock { $0.state }
    guard last < available else {
      throw .noSuchQueue(interface: device, queue: last, count: available)
    }
    try AFXDPPort.check(device, state, umem, options)
    condition = PortCondition(largestPacket: state.largestPacket)
    table = QueueTable(try AFXDPPort.makeQueues(queues, port: number, umem, options))
    do throws(SystemCallError) {
      try start()
    } catch {
      close()
      throw .refused(error, interface: device)
    }
  }

  /// Takes up the first queues of an interface.
  ///
  /// - Parameters:
  ///   - name: The name the operator gave the port.
  ///   - device: The interface's name, in the calling thread's network namespace.
  ///   - queueCount: Queues 0 up to this are served; 1 or more.
  ///   - umem: The memory, as for the other initialisers.
  ///   - options: How the port is to be set up.
  /// - Throws: ``AFXDPError``, after trying for two seconds where another socket was just closed.
  public convenience init(
    name: String, device: String, queueCount: Int = 1, umem: UMEM,
    options: AFXDPOptions = AFXDPOptions()
  ) throws(AFXDPError) {
    try self.init(
      name: name, device: device, queues: Array(0..<max(queueCount, 0)), umem: umem,
      options: options)
  }

  /// Takes up the first queues of an interface with memory of its own.
  ///
  /// - Parameters:
  ///   - name: The name the operator gave the port.
  ///   - device: The interface's name, in the calling thread's network namespace.
  ///   - queueCount: Queues 0 up to this are served; 1 or more.
  ///   - registry: Where frames find home.
  ///   - chunkByteCount: Octets of a chunk, 2048 or 4096.
  ///   - options: How the port is to be set up.
  /// - Throws: ``AFXDPError``, after trying for two seconds where another socket was just closed.
  public convenience init(
    name: String, device: String, queueCount: Int = 1, registry: MemoryRegistry,
    chunkByteCount: Int = Limits.page, options: AFXDPOptions = AFXDPOptions()
  ) throws(AFXDPError) {
    let umem: UMEM
    do throws(MemoryModelError) {
      umem = try UMEM(
        registry: registry, chunkCount: max(options.chunkCount(queueCount: queueCount), 1),
        chunkByteCount: chunkByteCount)
    } catch {
      throw .memory(error)
    }
    try self.init(
      name: name, device: device, queueCount: queueCount, umem: umem, options: options)
  }

  deinit {
    close()
  }

  var queues: [AFXDPQueue] { table.queues }

  /// How many queues it receives by.
  public var queueCount: Int { queues.count }

  /// The pool of a queue's packets.
  public func pool(queue: Int) -> XSKPool { queues[queue].pool }

  /// The pools of the port: of each queue, the one for received packets and the one for copies.
  public var pools: [XSKPool] { queues.flatMap { [$0.pool, $0.copies] } }

  /// Receives up to a budget of packets.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    table.with(queue) { $0.receive(&burst, budget: budget, tally: tally) }
  }

  /// Sends frames by the queue that the caller's context chooses.
  ///
  /// A frame longer than the MTU with an Ethernet header and a VLAN tag is refused with ``DropReason/mtu``, one of
  /// several buffers by a port without multi-buffer with ``DropReason/redirectNoFragments``, any frame while the
  /// interface is down or gone with ``DropReason/portDown`` or ``DropReason/portGone``.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    let lane = Int(truncatingIfNeeded: clinux_context()) % table.queues.count
    return table.with(lane) {
      $0.transmit(
        &frames, largestPacket: condition.largestPacket, mayChain: options.isMultiBuffer)
    }
  }

  /// A descriptor that polls readable while packets wait; the same for as long as the port lives.
  public func pollDescriptor(queue: Int) -> Int32? { queues[queue].pollDescriptor }
}

// MARK: - Set-up

extension AFXDPPort {
  private static func check(
    _ device: String, _ state: InterfaceState, _ umem: UMEM, _ options: AFXDPOptions
  ) throws(AFXDPError) {
    let room = umem.chunkByteCount - UMEM.headroom
    guard options.isMultiBuffer || Int(state.mtu) + InterfaceLimits.framing <= room else {
      throw .packetTooLarge(
        interface: device, mtu: Int(state.mtu), chunkByteCount: umem.chunkByteCount)
    }
  }

  private static func makeQueues(
    _ indices: [Int], port: UInt32, _ umem: UMEM, _ options: AFXDPOptions
  ) throws(AFXDPError) -> [AFXDPQueue] {
    var queues: [AFXDPQueue] = []
    do throws(AFXDPError) {
      for index in indices {
        queues.append(try makeQueue(index, port: port, umem, options))
      }
    } catch {
      for queue in queues { _ = queue.dismantle() }
      throw error
    }
    return queues
  }

  private static func makeQueue(
    _ index: Int, port: UInt32, _ umem: UMEM, _ options: AFXDPOptions
  ) throws(AFXDPError) -> AFXDPQueue {
    let pool = try makePool(umem, options.receiveChunkCount)
    do throws(AFXDPError) {
      let copies = try makePool(umem, options.copyChunkCount)
      do throws(RegistryError) {
        let info = try umem.registry.registerQueue(
          port: port, queue: UInt32(index), memory: pool.memory,
          fragmentByteCount: UInt32(umem.chunkByteCount))
        return AFXDPQueue(
          info: info, pool: pool, copies: copies, usesWakeup: options.usesWakeup,
          splitsHeaders: options.splitsHeaders)
      } catch {
        copies.destroy()
        throw AFXDPError.registry(error)
      }
    } catch {
      pool.destroy()
      throw error
    }
  }

  private static func makePool(_ umem: UMEM, _ chunkCount: Int) throws(AFXDPError) -> XSKPool {
    do throws(MemoryModelError) {
      return try XSKPool(umem: umem, chunkCount: chunkCount)
    } catch {
      throw .memory(error)
    }
  }

  /// Opens the sockets, then lets packets in.
  private func start() throws(SystemCallError) {
    let deadline = MonotonicClock.now &+ 2_000_000_000
    for queue in queues {
      while true {
        do throws(SystemCallError) {
          try open(queue)
          break
        } catch {
          // A queue stays busy for some 30 ms after its last socket was closed.
          guard error.errno == .resourceBusy, error.call == "bind", MonotonicClock.now < deadline
          else { throw error }
          Thread.sleep(for: .milliseconds(10))
        }
      }
    }
    try health.withLock { health throws(SystemCallError) in
      try health.attach()
      health.publish(to: condition, queues)
    }
  }
}
