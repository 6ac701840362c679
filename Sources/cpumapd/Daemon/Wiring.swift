// SPDX-License-Identifier: Apache-2.0

import Arena
import Control
import Datapath
import MemModels
import Plugins
import Ports
import Syscalls
import XDPFrame

/// A configuration made real: the only place that knows every room.
///
/// Building touches interfaces; ``start()`` starts threads; ``stop()`` ends both and leaves the books.
final class Wiring: Sendable {
  let configuration: Configuration
  let datapath: Datapath
  let ports: [WiredPort]

  /// A port with what belongs to it.
  struct WiredPort: Sendable {
    let configuration: Configuration.Port
    let port: any Port
    let pools: [any MemoryModel]
    let loops: [LoopThread]
  }

  /// Builds the datapath.
  ///
  /// - Parameters:
  ///   - configuration: Checked.
  ///   - namespace: Where the devices are; nil for the calling thread's.
  ///   - warn: Told what an operator should know.
  /// - Throws: ``SetUpError``; nothing of it is left then.
  init(
    _ configuration: Configuration, in namespace: NetworkNamespace? = nil,
    warn: @escaping @Sendable (String) -> Void
  ) throws(SetUpError) {
    self.configuration = configuration
    do {
      let registry = MemoryRegistry(arena: try Arena())
      let mode = ParkingMode(rawValue: configuration.daemon.parking.rawValue) ?? .adaptive
      let datapath = Datapath(registry: registry, parking: mode, warn: warn)
      self.datapath = datapath
      let builder = PortBuilder(configuration, registry: registry, namespace: namespace)
      let built = try builder.ports()
      let keys = configuration.steeredEntries.compactMap { entry in
        configuration.entries.firstIndex(of: entry).map { UInt32($0) }
      }
      var wired: [WiredPort] = []
      for (port, made) in zip(configuration.ports, built) {
        datapath.add(made.port)
        let loops = try (0..<made.port.queueCount).map { queue in
          let program = try configuration.decider(of: port, keys: keys)
          return try datapath.addLoop(
            port: made.port, queue: queue, program: program.program, named: program.name,
            cpu: port.cpu, adopt: made.adopt)
        }
        wired.append(
          WiredPort(configuration: port, port: made.port, pools: made.pools, loops: loops))
      }
      ports = wired
      try addEntries()
      try addRoutes()
    } catch let error as SetUpError {
      throw error
    } catch {
      throw SetUpError("\(error)")
    }
  }

  private func addEntries() throws {
    for (key, entry) in configuration.entries.enumerated() {
      let program = entry.program.flatMap { configuration.program(named: $0) }
      try datapath.cpuMap.update(
        UInt32(key),
        CPUMap.Value(
          name: entry.name, cpu: entry.cpu, queueCapacity: entry.queueSize,
          program: try program?.make(), programName: program?.name ?? ""))
    }
  }

  private func addRoutes() throws {
    func port(named name: String) -> (any Port)? {
      ports.first { $0.configuration.name == name }?.port
    }
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
