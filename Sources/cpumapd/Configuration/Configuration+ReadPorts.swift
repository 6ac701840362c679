// SPDX-License-Identifier: Apache-2.0

import Ports

extension Configuration.Port {
  private enum Word: String, CaseIterable { case afxdp, tap, packet, memory, generator, pcap }

  /// The kind as the file has it.
  var kindName: String {
    switch kind {
    case .afxdp: "afxdp"
    case .tap: "tap"
    case .packet: "packet"
    case .memory: "memory"
    case .generator: "generator"
    case .pcap: "pcap"
    }
  }

  /// What an AF_XDP port has and others have not; nil for those.
  var afxdp: Configuration.AFXDP? {
    guard case .afxdp(let port) = kind else { return nil }
    return port
  }

  /// What a TAP or a port of packet sockets has and others have not; nil for those.
  var kernelDevice: Configuration.Device? {
    switch kind {
    case .tap(let device), .packet(let device): device
    default: nil
    }
  }

  /// What a generator has and others have not; nil for those.
  var generator: Configuration.Generator? {
    guard case .generator(let generator) = kind else { return nil }
    return generator
  }

  /// What a port between files has and others have not; nil for those.
  var pcap: Configuration.Pcap? {
    guard case .pcap(let pcap) = kind else { return nil }
    return pcap
  }

  /// The CPU of the port's own thread; nil where the scheduler decides or there is no such thread.
  var cpu: Int? { afxdp?.cpu ?? kernelDevice?.cpu ?? generator?.cpu ?? pcap?.cpu }

  init?(_ mapping: YAMLMapping) {
    let name = mapping.declaredName(.port)
    guard let word: Word = mapping.required("kind")?.choice() else { return nil }
    let place = "\(mapping.path) of kind \(word.rawValue)"
    let kind: Kind?
    switch word {
    case .afxdp: kind = Configuration.AFXDP(mapping, place).map(Kind.afxdp)
    case .tap: kind = Configuration.Device(tap: mapping, place).map(Kind.tap)
    case .packet: kind = Configuration.Device(packet: mapping, place).map(Kind.packet)
    case .memory:
      mapping.expect(["name", "kind", "program", "receive"], inside: place)
      kind = .memory
    case .generator: kind = .generator(Configuration.Generator(mapping, place))
    case .pcap: kind = Configuration.Pcap(mapping, place).map(Kind.pcap)
    }
    let program = mapping["program"]?.reference(.program)
    let receive: ReceiveMode? = word == .generator ? nil : mapping["receive"]?.choice()
    guard let name, let kind else { return nil }
    self.init(name: name, kind: kind, program: program, receive: receive)
  }
}

extension Configuration.AFXDP {
  /// The octets of an Ethernet header, which the MTU does not count.
  static let linkHeader = 14
  /// The octets beyond the MTU that an interface lets in: that header and a VLAN tag.
  static let framing = linkHeader + 4
  /// The longest frame that any part of the datapath takes, in octets.
  static let longestFrame = 9728

  fileprivate init?(_ mapping: YAMLMapping, _ place: String) {
    mapping.expect(
      ["name", "kind", "program", "device", "queues", "mode", "mtu", "fallback", "cpu", "receive"],
      inside: place)
    let device = mapping.required("device")?.device()
    let queues = mapping["queues"].map { $0.distinct { $0.integer(in: 0...1023) } ?? [] }
    let mode: Mode? = mapping["mode"]?.choice(later: ["generic"])
    let mtu = mapping["mtu"]?.integer(in: 68...Self.longestFrame - Self.linkHeader)
    let fallback: Fallback? = mapping["fallback"]?.choice()
    let cpu = mapping["cpu"]?.processor()
    guard let device else { return nil }
    self.init(device: device)
    self.queues = queues ?? self.queues
    self.mode = mode ?? self.mode
    self.mtu = mtu ?? self.mtu
    self.fallback = fallback ?? self.fallback
    self.cpu = cpu
  }
}

extension Configuration.Device {
  fileprivate init?(tap mapping: YAMLMapping, _ place: String) {
    mapping.expect(
      [
        "name", "kind", "program", "device", "queues", "mtu", "vnet_hdr", "transmit_program", "cpu",
        "receive",
      ], inside: place)
    let mtu = mapping["mtu"]?.integer(in: 68...65_521)
    let program = mapping["transmit_program"]?.reference(.program)
    self.init(mapping)
    self.mtu = mtu ?? self.mtu
    transmitProgram = program
  }

  fileprivate init?(packet mapping: YAMLMapping, _ place: String) {
    mapping.expect(
      ["name", "kind", "program", "device", "queues", "vnet_hdr", "cpu", "receive"], inside: place)
    self.init(mapping)
  }

  private init?(_ mapping: YAMLMapping) {
    let device = mapping.required("device")?.device()
    let queues = mapping["queues"]?.integer(in: 1...Self.queueLimit)
    let header: VirtualHeader? = mapping["vnet_hdr"]?.choice()
    let cpu = mapping["cpu"]?.processor()
    guard let device else { return nil }
    self.init(device: device)
    self.queues = queues ?? self.queues
    virtualHeader = header ?? virtualHeader
    self.cpu = cpu
  }
}

extension Configuration.Generator {
  /// The lengths that a generated frame may have, in octets.
  static let possibleSizes = 14...9728

  fileprivate init(_ mapping: YAMLMapping, _ place: String) {
    mapping.expect(
      ["name", "kind", "program", "flows", "sizes", "rate", "count", "cpu"], inside: place)
    flows = mapping["flows"]?.integer(in: 1...1 << 20) ?? flows
    sizes = mapping["sizes"].flatMap(Sizes.init) ?? sizes
    rate = mapping["rate"]?.integer(in: 1...1_000_000_000)
    count = mapping["count"]?.integer(in: 1...Int.max)
    cpu = mapping["cpu"]?.processor()
  }
}

extension Configuration.Pcap {
  fileprivate init?(_ mapping: YAMLMapping, _ place: String) {
    mapping.expect(
      ["name", "kind", "program", "receive", "in", "out", "speed", "repeat", "cpu"], inside: place)
    input = mapping["in"]?.absolutePath()
    output = mapping["out"]?.absolutePath()
    speed = mapping["speed"]?.choice() ?? speed
    repetitions = mapping["repeat"]?.integer(in: 1...Int.max) ?? repetitions
    cpu = mapping["cpu"]?.processor()
    guard mapping["in"] != nil || mapping["out"] != nil else {
      mapping.error("\(place) needs \"in\", \"out\" or both")
      return nil
    }
    if mapping["in"] == nil {
      for name in ["speed", "repeat"] where mapping[name] != nil {
        mapping[name]?.error("\(mapping.path).\(name) is about \"in\", which is missing")
      }
    }
  }
}

extension Configuration.Generator.Sizes {
  /// Reads `[64, 1500]`, `64` or `64-1500`.
  fileprivate init?(_ value: YAMLValue) {
    let possible = Configuration.Generator.possibleSizes
    if value.isList {
      let list = value.list() ?? []
      if list.isEmpty { value.error("\(value.path) is empty") }
      self = .list(list.compactMap { $0.integer(in: possible) })
      return
    }
    let bounds = value.word.split(separator: "-", omittingEmptySubsequences: false)
    guard bounds.count == 2 else {
      guard let size = value.integer(in: possible) else { return nil }
      self = .list([size])
      return
    }
    guard let low = YAMLValue.integer(String(bounds[0])),
      let high = YAMLValue.integer(String(bounds[1])),
      low <= high, possible.contains(low), possible.contains(high)
    else {
      value.error(
        "\(value.path) must be a list of lengths, or a range such as 64-1500, within \(possible)")
      return nil
    }
    self = .range(low...high)
  }
}

extension YAMLValue {
  /// The name of an interface, by the kernel's rules.
  ///
  /// Source: `dev_valid_name()`, `net/core/dev.c`.
  fileprivate func device() -> String? {
    guard let name = text("the name of an interface") else { return nil }
    let isForbidden: (Character) -> Bool = { $0 == "/" || $0 == ":" || $0.isWhitespace }
    guard name.utf8.count <= 15, name != ".", name != "..", !name.contains(where: isForbidden)
    else {
      error("\(path) is \"\(name.excerpt)\"; no interface can have that name")
      return nil
    }
    return name
  }
}
