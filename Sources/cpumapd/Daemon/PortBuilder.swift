// SPDX-License-Identifier: Apache-2.0

import Control
import MemModels
import Ports
import Syscalls
import XDPFrame

/// Makes the ports that a configuration names, and the memory behind them.
struct PortBuilder {
  private let configuration: Configuration
  private let registry: MemoryRegistry
  private let namespace: NetworkNamespace?

  /// A port, its pools, and what its threads do first.
  struct Built {
    let port: any Port
    let pools: [any MemoryModel]
    /// Called first on the thread of each queue, with the queue's number.
    var adopt: @Sendable (Int) -> Void = { _ in }
  }

  init(
    _ configuration: Configuration, registry: MemoryRegistry, namespace: NetworkNamespace?
  ) {
    self.configuration = configuration
    self.registry = registry
    self.namespace = namespace
  }

  /// All ports, in the order of the configuration.
  ///
  /// AF_XDP ports share one memory, so that frames pass between them
  /// without a copy.
  func ports() throws -> [Built] {
    let umem = try makeUMEM()
    return try configuration.ports.map { port in
      switch port.kind {
      case .afxdp(let settings):
        guard let umem else { throw SetUpError("port \(port.name): there is no memory for AF_XDP") }
        return try afxdp(port, settings, umem)
      case .tap(let settings):
        return try tap(port, settings)
      case .packet(let settings):
        return try packet(port, settings)
      case .memory:
        return try memory(port)
      case .generator(let settings):
        return try generator(port, settings)
      case .pcap(let settings):
        return try pcap(port, settings)
      }
    }
  }

  private func options(
    _ port: Configuration.Port, _ settings: Configuration.AFXDP
  ) -> AFXDPOptions {
    var options = AFXDPOptions()
    options.mode =
      switch settings.mode {
      case .auto: .automatic
      case .copy: .copy
      case .zerocopy: .zeroCopy
      }
    options.fallback = settings.fallback == .pass ? .pass : .drop
    let needsSeveral = configuration.memory.needsSeveralBuffers(mtu: settings.mtu)
    options.isMultiBuffer = port.receive.map { $0 != .linear } ?? needsSeveral
    options.splitsHeaders = port.receive == .headerSplit
    options.receiveChunkCount = min(
      max(configuration.memory.frames / settings.queues.count, Configuration.AFXDP.ringSize),
      XSKPool.largestChunkCount)
    return options
  }

  private func makeUMEM() throws -> UMEM? {
    let counts = configuration.ports.map { port in
      guard case .afxdp(let settings) = port.kind else { return 0 }
      return options(port, settings).chunkCount(queueCount: settings.queues.count)
    }
    let count = counts.reduce(0, +)
    guard count > 0 else { return nil }
    return try UMEM(
      registry: registry, chunkCount: count, chunkByteCount: configuration.memory.frameSize,
      hugePages: configuration.memory.hugePages == .auto)
  }

  private func afxdp(
    _ port: Configuration.Port, _ settings: Configuration.AFXDP, _ umem: UMEM
  ) throws -> Built {
    do {
      let made = try inNamespace {
        try AFXDPPort(
          name: port.name, device: settings.device, queues: settings.queues, umem: umem,
          options: options(port, settings))
      }
      return Built(port: made, pools: made.pools)
    } catch let error as AFXDPError {
      let status: ExitStatus =
        error.errno == .notPermitted ? .missingCapability : .setUpFailed
      throw SetUpError("port \(port.name): \(error)", status: status)
    }
  }

  private func inNamespace<Result>(_ body: () throws -> Result) throws -> Result {
    try namespace?.run(body) ?? body()
  }

  private func tap(
    _ port: Configuration.Port, _ settings: Configuration.Device
  ) throws -> Built {
    let pools = try makePools(settings.queues)
    var options = TAPOptions()
    options.offload = port.receive == .linear ? .checksum : configuration.offload(of: settings)
    options.mode = port.receive ?? .jumbo
    options.mtu = settings.mtu
    let finished = options
    let made = try refusable {
      try TAPPort(
        name: port.name, device: settings.device, registry: registry, models: pools,
        options: finished)
    }
    return Built(port: made, pools: pools, adopt: { pools[$0].adopt() })
  }

  private func packet(
    _ port: Configuration.Port, _ settings: Configuration.Device
  ) throws -> Built {
    let pools = try makePools(settings.queues)
    var options = PacketOptions()
    options.offload = configuration.offload(of: settings)
    options.mode = port.receive ?? .jumbo
    let finished = options
    let made = try refusable {
      try PacketPort(
        name: port.name, device: settings.device, registry: registry, models: pools,
        options: finished)
    }
    return Built(port: made, pools: pools, adopt: { pools[$0].adopt() })
  }

  /// Makes a port in the interface's namespace, and tells whether a refusal is for want of a capability.
  private func refusable<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try inNamespace(body)
    } catch let error as PortError {
      throw SetUpError(
        "\(error)", status: error.errno == .notPermitted ? .missingCapability : .setUpFailed)
    }
  }

  /// A pool for each queue, which together have the frames of one port.
  private func makePools(_ count: Int) throws -> [PagePool] {
    let frames = max(configuration.memory.frames / count, Configuration.Device.frameCount)
    return try (0..<count).map { _ in
      try PagePool(
        registry: registry, pageCount: frames, ringCapacity: min(frames, Limits.queue),
        hugePages: configuration.memory.hugePages == .auto)
    }
  }

  private func memory(_ port: Configuration.Port) throws -> Built {
    let pool = try makePool()
    let made = try MemoryPort(
      name: port.name, registry: registry, models: [pool], receiving: port.receive ?? .jumbo)
    return Built(port: made, pools: [pool], adopt: { _ in pool.adopt() })
  }

  private func makePool() throws -> PagePool {
    try PagePool(
      registry: registry, pageCount: configuration.memory.frames,
      ringCapacity: min(configuration.memory.frames, Limits.queue))
  }

  private func generator(
    _ port: Configuration.Port, _ settings: Configuration.Generator
  ) throws -> Built {
    let lengths =
      switch settings.sizes {
      case .list(let lengths): lengths
      case .range(let range):
        Array(stride(from: range.lowerBound, through: range.upperBound, by: 61))
      }
    let plan = GeneratorPort.Plan(
      flowCount: settings.flows, byteCounts: lengths.map { max($0, 60) }, rate: settings.rate,
      limit: settings.count)
    let pool = try makePool()
    let made = try GeneratorPort(name: port.name, registry: registry, model: pool, plan: plan)
    return Built(port: made, pools: [pool], adopt: { _ in pool.adopt() })
  }

  private func pcap(
    _ port: Configuration.Port, _ settings: Configuration.Pcap
  ) throws -> Built {
    let pool = try makePool()
    let input = settings.input.map {
      PcapPort.Input(
        path: $0, isPaced: settings.speed == .real, playCount: settings.repetitions,
        mode: port.receive ?? .jumbo)
    }
    let made = try PcapPort(
      name: port.name, registry: registry, model: pool, input: input, output: settings.output)
    return Built(port: made, pools: [pool], adopt: { _ in pool.adopt() })
  }
}
