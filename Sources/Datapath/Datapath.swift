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
  let usesRing: Bool
  let routes: Routes
  private let maps: Maps
  private let state = Mutex(State())

  private final class Maps: Sendable {
    let cpu = Mutex<CPUMap?>(nil)
    let device: DevMap
    init(device: DevMap) { self.device = device }
  }

  private struct State {
    var loops: [LoopThread] = []
    var retired: [EntryReport] = []
    var isRunning = false
  }

  /// The number under which ``cpuMap`` is redirected to.
  public static let cpuMapNumber: UInt16 = 1
  /// The number under which ``devMap`` is redirected to.
  public static let devMapNumber: UInt16 = 2

  /// Makes an empty datapath.
  ///
  /// - Parameters:
  ///   - registry: Where its frames find home.
  ///   - entryCapacity: The keys of its CPU map.
  ///   - parking: How workers wait.
  ///   - allowsRing: Whether workers may sleep in io_uring; where that is refused they sleep on an eventfd.
  ///   - warn: Told once each what an operator should know.
  public init(
    registry: MemoryRegistry, entryCapacity: Int = 256, parking: ParkingMode = .adaptive,
    allowsRing: Bool = true, warn: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.registry = registry
    parkingMode = parking
    routes = Routes(warn: warn)
    let availability = Ring.availability
    usesRing = allowsRing && availability.isAvailable
    if allowsRing, case .unavailable(_, let reason) = availability {
      warn("workers sleep on eventfd and poll: \(reason)")
    }
    maps = Maps(device: DevMap(capacity: 256, quiescence: quiescence))
    let map = CPUMap(capacity: entryCapacity, datapath: self)
    maps.cpu.withLock { $0 = map }
    _ = routes.maps.exchange(MapReference(map), at: Int(Datapath.cpuMapNumber))
    _ = routes.maps.exchange(MapReference(maps.device), at: Int(Datapath.devMapNumber))
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
  public func add(_ port: any Port) {
    _ = routes.ports.exchange(PortReference(port), at: Int(port.number))
  }

  /// Takes a port out again.
  public func remove(_ port: any Port) {
    let old = routes.ports.exchange(nil, at: Int(port.number))
    quiescence.wait()
    _ = old
  }

  /// Names the port that takes what is passed; nil drops it as `pass_unconfigured`.
  public func setPassPort(_ port: (any Port)?) {
    let old = routes.passPort.exchange(port.map { PortReference($0) }, at: 0)
    quiescence.wait()
    _ = old
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
  /// - Throws: ``MapError`` when there is no memory for its counters.
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
    let slot = ProgramSlot(program, named: name, in: quiescence)
    let loop = LoopThread(
      port: port, queue: queue, program: slot, block: block, cpu: cpu, adopt: adopt)
    state.withLock { $0.loops.append(loop) }
    return loop
  }

  /// Starts a thread for every loop.
  ///
  /// - Throws: ``MapError`` when a thread could not be started; those started are stopped again.
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
  /// Loops end after the burst they are in. Then nobody redirects from outside, so the workers empty their queues
  /// and end. What was sent comes home with its port's completions.
  public func stop() {
    for loop in loops { loop.requestStop() }
    for loop in loops { loop.join() }
    cpuMap.removeAll()
  }

  /// Keeps the books of an entry that is no longer there.
  func retire(_ entry: CPUMapEntry) {
    let report = EntryReport(entry)
    state.withLock { $0.retired.append(report) }
  }

  /// The books of all entries: those in the map, and those that were removed.
  public var entryReports: [EntryReport] {
    let current = cpuMap.allEntries.map { EntryReport($0) }
    return state.withLock { $0.retired } + current
  }
}
