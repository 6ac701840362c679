// SPDX-License-Identifier: Apache-2.0

import Control
import Ports

/// What the daemon will do with a configuration, told before it does it.
struct Plan {
  let configuration: Configuration

  /// The octets of one port's pool.
  private var poolByteCount: UInt64 {
    UInt64(configuration.memory.frames) * UInt64(configuration.memory.frameSize)
  }

  /// The octets of all pools.
  private var byteCount: UInt64 { poolByteCount * UInt64(configuration.ports.count) }

  /// What runs on which CPU, in the order of the CPUs; unpinned threads come last, without one.
  private var threads: [(cpu: Int?, what: String)] {
    let housekeeping = configuration.daemon.housekeepingCPUs.map {
      (cpu: Optional($0), what: "housekeeping")
    }
    let ports = configuration.ports.filter { $0.kind != .memory }.map {
      (cpu: $0.cpu, what: "port \($0.name)")
    }
    let entries = configuration.entries.map {
      (
        cpu: Optional($0.cpu),
        what: "entry \($0.name): queue \($0.queueSize), \(describe($0.program))"
      )
    }
    return (housekeeping + ports + entries).sorted { ($0.cpu ?? .max) < ($1.cpu ?? .max) }
  }

  /// The capabilities that the daemon needs, and what for.
  private var capabilities: [(name: String, purpose: String)] {
    var needed: [(name: String, purpose: String)] = []
    if configuration.ports.contains(where: { $0.afxdp != nil }) {
      needed = [
        ("CAP_NET_RAW", "open AF_XDP sockets"), ("CAP_BPF", "load the redirect program"),
        ("CAP_NET_ADMIN", "attach it to the interface"),
      ]
    }
    for port in configuration.ports {
      let more: (name: String, purpose: String)? =
        switch port.kind {
        case .packet: ("CAP_NET_RAW", "open packet sockets")
        case .tap: ("CAP_NET_ADMIN", "attach to a TAP that belongs to nobody")
        default: nil
        }
      if let more, !needed.contains(where: { $0.name == more.name }) { needed.append(more) }
    }
    return needed
  }

  private func describe(_ program: String?) -> String {
    guard let program else { return "passes every frame" }
    let origin = configuration.program(named: program)?.origin ?? "?"
    return "program \(program) (\(origin.printable))"
  }
}

// MARK: - Text

extension Plan {
  /// The plan for people.
  var text: String {
    [cpuText, portText, steeringText, memoryText, capabilityText].joined(separator: "\n")
  }

  private var cpuText: String {
    var table = TextTable([("CPU", .right), ("RUNS", .left)])
    for thread in threads { table.add([thread.cpu.map(String.init) ?? "any", thread.what]) }
    return table.text()
  }

  private var portText: String {
    var table = TextTable([
      ("PORT", .left), ("KIND", .left), ("PROGRAM", .left), ("DETAILS", .left),
    ])
    for port in configuration.ports {
      table.add([
        port.name, port.kindName, port.program ?? "steer", details(of: port) + receiving(port),
      ])
    }
    return table.text()
  }

  private func details(of port: Configuration.Port) -> String {
    switch port.kind {
    case .memory: return ""
    case .pcap(let pcap):
      let input = pcap.input.map { file in
        let often = pcap.repetitions == 1 ? "" : " \(pcap.repetitions) times"
        return "plays \(file.printable)\(often) at \(pcap.speed.rawValue) speed"
      }
      let output = pcap.output.map { "writes \($0.printable)" }
      return [input, output].compactMap(\.self).joined(separator: ", ")
    case .afxdp(let port):
      let queues = port.queues.map(String.init).joined(separator: ",")
      return "\(port.device), queues \(queues), mode \(port.mode.rawValue), mtu \(port.mtu), "
        + "kernel gets the rest: \(port.fallback.rawValue)"
    case .tap(let device):
      let program = device.transmitProgram.map { ", program \($0) at dequeue" } ?? ""
      return "\(details(of: device)), mtu \(device.mtu) if made\(program)"
    case .packet(let device): return details(of: device)
    case .generator(let generator):
      let sizes =
        switch generator.sizes {
        case .list(let sizes): sizes.map(String.init).joined(separator: ",")
        case .range(let range): "\(range.lowerBound)-\(range.upperBound)"
        }
      let rate = generator.rate.map { "\($0) frames/s" } ?? "as fast as it goes"
      let count = generator.count.map { ", \($0) frames" } ?? ""
      return "\(generator.flows) flows, \(sizes) octets, \(rate)\(count)"
    }
  }

  private func details(of device: Configuration.Device) -> String {
    let left =
      switch configuration.offload(of: device) {
      case .none: "nothing"
      case .checksum: "checksums"
      case .segmentation: "checksums and segmentation"
      }
    return "\(device.device), \(device.queues) queue\(device.queues == 1 ? "" : "s"), "
      + "senders may leave \(left)"
  }

  private func receiving(_ port: Configuration.Port) -> String {
    guard let mode = port.receive else { return "" }
    return (port.kind == .memory ? "" : ", ") + "receive \(mode.rawValue)"
  }

  private var steeringText: String {
    let names = configuration.steeredEntries.map(\.name).joined(separator: ", ")
    let redirect = configuration.on.redirect.sorted { $0.key < $1.key }.map { "\($0) to \($1)" }
    var lines = [
      "steering: symmetric hash of the 5-tuple over \(names.isEmpty ? "nothing" : names)",
      "pass:     \(configuration.on.pass.map { "out of port \($0)" } ?? "dropped as pass_unconfigured")",
    ]
    if !redirect.isEmpty { lines.append("redirect: \(redirect.joined(separator: ", "))") }
    return lines.joined(separator: "\n") + "\n"
  }

  private var memoryText: String {
    let memory = configuration.memory
    return """
      memory:   \(memory.model.rawValue), \(configuration.ports.count) pools of \(memory.frames) \
      buffers of \(memory.frameSize) octets: \(byteCount) octets (\(Figure.octets(byteCount))), \
      huge pages \(memory.hugePages.rawValue)

      """
  }

  private var capabilityText: String {
    if capabilities.isEmpty { return "capabilities: none\n" }
    let lines = capabilities.map { "  \($0.name.padded(to: 14)) \($0.purpose)\n" }
    return "capabilities:\n" + lines.joined()
  }
}

// MARK: - JSON

extension Plan {
  /// The plan for scripts.
  var json: JSON {
    [
      "cpus": .array(
        threads.map { ["cpu": $0.cpu.map(JSON.integer) ?? .null, "runs": .string($0.what)] }),
      "ports": .array(configuration.ports.map(json(of:))),
      "entries": .array(configuration.entries.map(json(of:))),
      "memory": [
        "model": .string(configuration.memory.model.rawValue),
        "pools": .integer(configuration.ports.count),
        "frames": .integer(configuration.memory.frames),
        "frame_size": .integer(configuration.memory.frameSize), "octets": JSON(byteCount),
      ],
      "capabilities": .array(capabilities.map { .string($0.name) }),
      "control": .string(configuration.daemon.control),
      "metrics": configuration.daemon.metrics.map { .string("\($0)") } ?? .null,
      "privileges": .string(configuration.daemon.privileges.rawValue),
    ]
  }

  private func json(of port: Configuration.Port) -> JSON {
    [
      "name": .string(port.name), "kind": .string(port.kindName),
      "program": .string(port.program ?? "steer"), "cpu": port.cpu.map(JSON.integer) ?? .null,
    ]
  }

  private func json(of entry: Configuration.Entry) -> JSON {
    [
      "id": .string(entry.name), "cpu": .integer(entry.cpu), "qsize": .integer(entry.queueSize),
      "program": entry.program.map(JSON.string) ?? .null,
    ]
  }
}
