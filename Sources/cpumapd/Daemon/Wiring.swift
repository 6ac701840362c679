// SPDX-License-Identifier: Apache-2.0

import Arena
import Control
import Datapath
import MemModels
import Plugins
import Ports
import Synchronization
import Syscalls
import XDPFrame

/// A configuration made real: the only place that knows every room.
///
/// Building touches interfaces; ``start()`` starts threads; ``stop()`` ends both and leaves the books. In between
/// ``change(ifGeneration:_:)`` replaces entries, programs and routes while frames flow.
final class Wiring: Sendable {
  let datapath: Datapath
  let ports: [WiredPort]
  /// Held by whoever changes something, for as long as queues take to empty.
  let changing = Mutex<Void>(())
  /// Read by anybody at any time, so never held for long.
  private let state: Mutex<State>

  /// A port with what belongs to it.
  struct WiredPort: Sendable {
    let configuration: Configuration.Port
    let port: any Port
    let pools: [any MemoryModel]
    let loops: [LoopThread]
  }

  /// The buffers for copies of broadcasts: a burst of 64 to nine ports.
  ///
  /// They take no memory until they are used.
  private static let copyCount = 512

  /// Builds the datapath on what the configuration names.
  ///
  /// - Parameters:
  ///   - configuration: Checked.
  ///   - namespace: Where the devices are; nil for the calling thread's.
  ///   - warn: Told what an operator should know.
  ///   - settle: Called once the ports are open, before programs are loaded and threads begin: the time to give up
  ///     privileges.
  /// - Throws: ``SetUpError``; nothing of it is left then.
  convenience init(
    _ configuration: Configuration, in namespace: NetworkNamespace? = nil,
    warn: @escaping @Sendable (String) -> Void, settle: () throws -> Void = {}
  ) throws(SetUpError) {
    try self.init(configuration, workers: .threads, warn: warn) { registry in
      let built = try PortBuilder(configuration, registry: registry, namespace: namespace).ports()
      try settle()
      return built
    }
  }

  /// Builds the datapath.
  ///
  /// - Parameters:
  ///   - configuration: Checked.
  ///   - workers: Who runs the entries.
  ///   - warn: Told what an operator should know.
  ///   - makePorts: Makes the ports, in the order of the configuration.
  /// - Throws: ``SetUpError``; nothing of it is left then.
  init(
    _ configuration: Configuration, workers: WorkerMode,
    warn: @escaping @Sendable (String) -> Void,
    makePorts: (MemoryRegistry) throws -> [PortBuilder.Built]
  ) throws(SetUpError) {
    do {
      let registry = MemoryRegistry(arena: try Arena())
      let mode = ParkingMode(rawValue: configuration.daemon.parking.rawValue) ?? .adaptive
      let datapath = Datapath(
        registry: registry, parking: mode, workers: workers, allowsRing: workers == .threads,
        warn: warn)
      self.datapath = datapath
      // Any program that is loaded, now or later, may ask for a broadcast.
      let copies = try PagePool(registry: registry, pageCount: Wiring.copyCount)
      copies.disown()
      datapath.setCopyModel(copies)
      let built = try makePorts(registry)
      let queueCounts = zip(configuration.ports, built).map { ($0.name, $1.port.queueCount) }
      let objects = ObjectLoader(arena: registry.arena, log: warn)
      var first = try State.first(
        configuration, objects, queueCounts: Dictionary(queueCounts, uniquingKeysWith: max))
      var wired: [WiredPort] = []
      for (port, made) in zip(configuration.ports, built) {
        datapath.add(made.port)
        if let program = port.kernelDevice?.transmitProgram {
          try configuration.install(program, beforeReadersOf: made.port, objects)
        }
        let loops = try (first.deciders[port.name] ?? []).enumerated().map { queue, decider in
          try datapath.addLoop(
            port: made.port, queue: queue, program: decider.program, named: decider.name,
            cpu: port.cpu, adopt: { made.adopt(queue) })
        }
        wired.append(
          WiredPort(configuration: port, port: made.port, pools: made.pools, loops: loops))
      }
      ports = wired
      first.markInstalled()
      state = Mutex(first)
      try addEntries()
      try addRoutes()
    } catch let error as SetUpError {
      throw error
    } catch {
      throw SetUpError("\(error)")
    }
  }

  /// What runs now.
  var current: State { state.withLock { $0 } }
  /// The configuration that runs now.
  var configuration: Configuration { current.configuration }

  /// Makes a state the current one, once the datapath runs it.
  func become(_ next: State) {
    var next = next
    next.markInstalled()
    state.withLock { $0 = next }
  }

  private func addEntries() throws {
    let state = current
    for entry in state.configuration.entries {
      guard let installed = state.entries[entry.name] else { continue }
      try datapath.cpuMap.update(installed.key, CPUMap.Value(entry, installed))
    }
  }

  private func addRoutes() throws {
    func port(named name: String) -> (any Port)? {
      ports.first { $0.configuration.name == name }?.port
    }
    let configuration = configuration
    datapath.setPassPort(configuration.on.pass.flatMap(port(named:)))
    for (source, target) in configuration.on.redirect {
      guard let from = port(named: source), let to = port(named: target) else { continue }
      try datapath.devMap.update(from.number, to)
    }
  }

  /// Starts the loops; the workers run since they were made.
  func start() throws(SetUpError) {
    do {
      try datapath.start()
    } catch {
      throw SetUpError("\(error)")
    }
  }

  /// Ends everything in the order that loses nothing, and closes the ports.
  func stop() {
    halt()
    close()
  }

  /// Ends the loops and the workers, in the order that loses nothing.
  func halt() { datapath.stop() }

  /// Closes the ports, once everything has ended and nobody outside uses them.
  func close() {
    for wired in ports {
      (wired.port as? AFXDPPort)?.close()
      (wired.port as? TAPPort)?.close()
      (wired.port as? PacketPort)?.close()
      (wired.port as? MemoryPort)?.close()
      (wired.port as? PcapPort)?.close()
    }
  }
}

/// A part of the datapath could not be set up.
struct SetUpError: Error, CustomStringConvertible {
  let description: String
  /// What the process exits with.
  let status: ExitStatus

  init(_ description: String, status: ExitStatus = .setUpFailed) {
    self.description = description
    self.status = status
  }
}
