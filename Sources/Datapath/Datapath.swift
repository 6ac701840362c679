// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import IOUring
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// Ports, loops, maps and workers that belong together.
///
/// An embedder makes one, adds ports and entries, and either drives the loops itself or lets ``start()`` run each on
/// a thread. ``stop()`` ends everything in the order that loses nothing.
public final class Datapath: Sendable {
  /// Where frames find home.
  public let registry: MemoryRegistry
  /// What lets entries and programs change under traffic.
  public let quiescence = Quiescence()
  /// How workers wait.
  public let parkingMode: ParkingMode
  /// Who runs them.
  public let workerMode: WorkerMode
  /// Whether threads may sleep in io_uring.
  let usesRing: Bool
  let routes: Routes
  let directory = PortDirectory()
  private let maps: Maps
  private let state = Mutex(State())

  private final class Maps: Sendable {
    let cpu = Mutex<CPUMap?>(nil)
    let device: DevMap
    let port: PortMap
    init(device: DevMap, port: PortMap) { (self.device, self.port) = (device, port) }
  }

  private struct State {
    var ports: [any Port] = []
    var loops: [LoopThread] = []
  }

  /// The number under which ``cpuMap`` is redirected to.
  public static let cpuMapNumber: UInt16 = 1
  /// The number under which ``devMap`` is redirected to.
  public static let devMapNumber: UInt16 = 2
  /// The number under which every port that was added is redirected to, by its own number.
  public static let portMapNumber: UInt16 = 3

  /// Makes an empty datapath.
  ///
  /// - Parameters:
  ///   - registry: Where its frames find home.
  ///   - entryCapacity: The keys of its CPU map.
  ///   - parking: How workers wait.
  ///   - workers: Who runs them.
  ///   - allowsRing: Whether threads may sleep in io_uring; where that is refused they sleep in `ppoll`.
  ///   - warn: Told once each what an operator should know.
  public init(
    registry: MemoryRegistry, entryCapacity: Int = 256, parking: ParkingMode = .adaptive,
    workers: WorkerMode = .threads, allowsRing: Bool = true,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.registry = registry
    parkingMode = parking
    workerMode = workers
    routes = Routes(warn: warn)
    let availability = allowsRing ? Ring.availability : .available
    usesRing = allowsRing && availability.isAvailable
    if case .unavailable(_, let reason) = availability {
      warn("threads sleep in poll instead of io_uring: \(reason)")
    }
    let devices = DevMap(
      capacity: 256, quiescence: quiescence, directory: directory, routes: routes)
    let ports = PortMap(quiescence: quiescence, directory: directory, routes: routes)
    maps = Maps(device: devices, port: ports)
    let map = CPUMap(capacity: entryCapacity, datapath: self)
    maps.cpu.withLock { $0 = map }
    _ = routes.maps.exchange(MapReference(map), at: Int(Datapath.cpuMapNumber))
    _ = routes.maps.exchange(MapReference(maps.device), at: Int(Datapath.devMapNumber))
    _ = routes.maps.exchange(MapReference(maps.port), at: Int(Datapath.portMapNumber))
  }

  /// Keys to workers.
  public var cpuMap: CPUMap {
    guard let map = maps.cpu.withLock({ $0 }) else {
      preconditionFailure("A datapath has its CPU map from the beginning.")
    }
    return map
  }

  /// Keys to ports.
  public var devMap: DevMap { maps.device }

  /// Makes a port known, so that frames received by it can be sent back out.
  ///
  /// - Precondition: The port's number is below 16,384.
  public func add(_ port: any Port) {
    precondition(port.number < Routes.portLimit, "A datapath knows 16,383 ports in its life.")
    _ = routes.ports.exchange(directory.reference(to: port), at: Int(port.number))
    maps.port.add(port)
    state.withLock { state in
      if !state.ports.contains(where: { $0 === port }) { state.ports.append(port) }
    }
  }

  /// Takes a port out again, also of the device map; nothing is sent to it when this returns.
  public func remove(_ port: any Port) {
    let old = routes.ports.exchange(nil, at: Int(port.number))
    maps.port.remove(port)
    devMap.removeAll(port)
    quiescence.wait()
    _ = old
    directory.forget(port)
    state.withLock { $0.ports.removeAll { $0 === port } }
  }

  /// Gives the memory that the copies of a broadcast are made in; without any, packets for several ports are dropped
  /// as `pool_empty`.
  ///
  /// - Parameter model: Belongs to no thread, and is used by nobody else: loops allocate from it in turn.
  public func setCopyModel(_ model: any MemoryModel) {
    devMap.copies.withLock { $0 = model }
  }

  /// The ports that were added, in that order.
  public var ports: [any Port] { state.withLock { $0.ports } }

  /// Names the port that takes what is passed; nil drops it as `pass_unconfigured`.
  public func setPassPort(_ port: (any Port)?) {
    let old = exchangePassPort(port)
    quiescence.wait()
    _ = old
  }

  /// Names the port without waiting; the caller keeps the old one until nobody sends to it any more.
  func exchangePassPort(_ port: (any Port)?) -> AnyObject? {
    routes.passPort.exchange(port.map { directory.reference(to: $0) }, at: 0)
  }
}

extension Datapath {
  /// Adds a loop over a queue, to be run by ``start()``.
  ///
  /// - Parameters:
  ///   - port: The port.
  ///   - queue: Its queue.
  ///   - program: What decides; nil passes every packet.
  ///   - name: The operator's name for the program.
  ///   - cpu: The CPU of its thread; nil leaves that to the scheduler.
  ///   - adopt: Called first on the thread: the place to take over the pools that the queue receives into.
  /// - Returns: What tells how it is doing.
  /// - Throws: ``MapError``: `ERANGE` for a program that does not accept fragments where the port may receive packets
  ///   that have some, `ENOMEM` when there is no memory for the loop's counters.
  @discardableResult
  public func addLoop(
    port: any Port, queue: Int, program: (any Program & Sendable)?, named name: String,
    cpu: Int? = nil, adopt: @escaping @Sendable () -> Void = {}
  ) throws(MapError) -> LoopThread {
    let block: TrustedBlock
    do {
      block = try registry.arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
    } catch {
      throw MapError(.noMemory, "\(error)")
    }
    let slot = try ProgramSlot(program, named: name, in: quiescence, rule: .port(port))
    let loop = LoopThread(
      port: port, queue: queue, program: slot, block: block, cpu: cpu, adopt: adopt)
    state.withLock { $0.loops.append(loop) }
    return loop
  }

  /// Starts a thread for every loop that has none yet.
  ///
  /// - Throws: ``MapError`` when a thread could not be started; everything is stopped then.
  public func start() throws(MapError) {
    for loop in loops {
      do {
        try loop.start(in: self)
      } catch {
        stop()
        throw MapError(.noMemory, "\(error)")
      }
    }
  }

  /// The loops, in the order they were added.
  public var loops: [LoopThread] { state.withLock { $0.loops } }

  /// Stops everything, in the order that loses nothing.
  ///
  /// The ports bring no more; loops receive what is left and end. Then nobody redirects from outside, so the workers
  /// empty their queues and end. What was sent comes home with its port's completions, when the port is closed at
  /// the latest.
  public func stop() {
    for loop in loops { loop.port.detach() }
    for loop in loops { loop.requestStop() }
    for loop in loops { loop.join() }
    cpuMap.removeAll()
  }
}
