// SPDX-License-Identifier: Apache-2.0

import MemModels
import Ports

extension Configuration {
  /// The octets of the arena that buffers come from; it is as large as 32-bit offsets reach.
  static let arenaByteCount = 1 << 32

  /// Who uses a CPU, and where the file says so.
  private struct ProcessorUse {
    var cpu: Int
    var who: String
    var path: String
  }

  private var processorUses: [ProcessorUse] {
    let ports = ports.enumerated().compactMap { index, port in
      port.cpu.map { ProcessorUse(cpu: $0, who: "port \(port.name)", path: "ports[\(index)].cpu") }
    }
    let entries = entries.enumerated().map { index, entry in
      ProcessorUse(cpu: entry.cpu, who: "entry \(entry.name)", path: "entries[\(index)].cpu")
    }
    return ports + entries
  }

  func checkProcessors(_ collector: DiagnosticCollector) {
    var owners: [Int: String] = [:]
    for use in processorUses {
      if daemon.housekeepingCPUs.contains(use.cpu) {
        collector.warning("CPU \(use.cpu) is a housekeeping CPU", at: use.path)
      }
      if let owner = owners[use.cpu] {
        collector.warning("CPU \(use.cpu) is used by \(owner) too", at: use.path)
      } else {
        owners[use.cpu] = use.who
      }
    }
  }

  /// An interface whose packets do not fit into a buffer cannot be received from by single buffers.
  func checkReceiving(_ collector: DiagnosticCollector) {
    for (index, port) in ports.enumerated() {
      if case .tap(let tap) = port.kind { checkReceiving(tap, port.receive, index, collector) }
      guard port.receive == .linear, let afxdp = port.afxdp,
        memory.needsSeveralBuffers(mtu: afxdp.mtu)
      else { continue }
      collector.error(
        "ports[\(index)].receive is linear; packets of MTU \(afxdp.mtu) do not fit into one buffer "
          + "of \(memory.frameSize) octets; jumbo and header-split use several",
        at: "ports[\(index)].receive", orElse: "ports[\(index)].mtu")
    }
  }

  /// A TAP's packets are read where they are to lie, before anybody knows where their headers end.
  private func checkReceiving(
    _ tap: Device, _ mode: ReceiveMode?, _ index: Int, _ collector: DiagnosticCollector
  ) {
    if mode == .headerSplit {
      collector.error(
        "ports[\(index)].receive is header-split, which a port of kind tap cannot do; "
          + "linear and jumbo it can", at: "ports[\(index)].receive")
    }
    if mode == .linear, memory.needsSeveralBuffers(mtu: tap.mtu) {
      collector.error(
        "ports[\(index)].receive is linear; packets of MTU \(tap.mtu) do not fit into one buffer "
          + "of \(memory.frameSize) octets; jumbo uses several",
        at: "ports[\(index)].receive", orElse: "ports[\(index)].mtu")
    }
  }

  func checkMemory(_ collector: DiagnosticCollector) {
    if memory.model != .xsk, let index = ports.firstIndex(where: { $0.afxdp != nil }) {
      collector.error(
        "memory.model is \(memory.model.rawValue); ports[\(index)] of kind afxdp needs xsk",
        at: "memory.model", orElse: "ports[\(index)].kind")
    }
    let needed = ports.map { ($0, fewestFrames(for: $0)) }.max { $0.1 < $1.1 }
    if let (port, fewest) = needed, memory.frames < fewest {
      collector.error(
        "memory.frames is \(memory.frames); port \(port.name) needs at least \(fewest)",
        at: "memory.frames", orElse: "ports")
    } else if let (port, fewest) = needed, memory.frames < fewest + queuedFrames {
      collector.warning(
        "memory.frames is \(memory.frames): with full queues (\(queuedFrames)) port \(port.name) "
          + "runs out of buffers before a queue can say that it is full; "
          + "\((fewest + queuedFrames).nextPowerOfTwo) is enough",
        at: "memory.frames", orElse: "entries")
    }
    let total = ports.count * memory.frames * memory.frameSize
    if total > Self.arenaByteCount {
      collector.error(
        "\(ports.count) ports with memory.frames \(memory.frames) of \(memory.frameSize) octets "
          + "need \(total) octets; the arena has \(Self.arenaByteCount)",
        at: "memory.frames", orElse: "ports")
    }
  }

  /// The frames that rest in the entries' queues when all are full.
  private var queuedFrames: Int { entries.reduce(0) { $0 + $1.queueSize } }

  /// The buffers without which a port cannot keep its rings busy.
  ///
  /// An AF_XDP queue posts a full fill ring; the others work on one burst while the next is made.
  private func fewestFrames(for port: Port) -> Int {
    if let device = port.kernelDevice { return device.queues * Device.frameCount }
    guard let afxdp = port.afxdp else { return 2 * 64 }
    return afxdp.queues.count * AFXDP.ringSize
  }
}

extension Configuration.Memory {
  /// Whether a packet with Ethernet header and VLAN tag is longer than what one buffer holds.
  func needsSeveralBuffers(mtu: Int) -> Bool { mtu + 18 > frameSize - UMEM.headroom }
}

extension Int {
  fileprivate var nextPowerOfTwo: Int {
    self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }
}

extension DiagnosticCollector {
  /// Reports at the first of two places, or at the second where the file leaves the first to its default.
  func error(_ message: String, at path: String, orElse other: String) {
    error(message, at: knows(path) ? path : other)
  }

  /// The same for a warning.
  func warning(_ message: String, at path: String, orElse other: String) {
    warning(message, at: knows(path) ? path : other)
  }
}
