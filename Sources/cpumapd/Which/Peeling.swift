// SPDX-License-Identifier: Apache-2.0

import Control
import Wire

/// A packet taken apart layer by layer, by what the receive loop takes it apart with.
struct Peeling {
  let octets: [UInt8]
  let dissection: Dissection

  /// A header, as people call it.
  struct Layer {
    var name: String
    var text: String
  }

  init(_ octets: [UInt8]) {
    self.octets = octets
    // Safe: the span does not outlive the array.
    dissection = unsafe Dissection(parsing: octets.span.bytes)
  }

  /// The number that steering chooses by.
  var hash: UInt32 {
    // Safe: the span does not outlive the array.
    unsafe FlowHash.symmetric(octets.span.bytes)
  }

  /// The headers, outermost first.
  var layers: [Layer] {
    guard octets.count >= Ethernet.headerByteCount else { return [] }
    var layers = [Layer(name: "eth", text: "\(address(at: 6)) > \(address(at: 0))")]
    for depth in 0..<dissection.tagCount {
      let at = Ethernet.headerByteCount - 2 + depth * VLAN.headerByteCount
      let isService = field(at) == EtherType.serviceVLAN.rawValue
      layers.append(Layer(name: isService ? "qinq" : "vlan", text: "\(field(at + 2) & 0xFFF)"))
    }
    switch dissection.network {
    case .ipv4:
      layers.append(
        Layer(
          name: "ip",
          text: ends(
            "\(dissection.sourceIPv4 ?? IPv4Address(rawValue: 0))",
            "\(dissection.destinationIPv4 ?? IPv4Address(rawValue: 0))")))
    case .ipv6:
      layers.append(
        Layer(name: "ip6", text: ends("\(dissection.source)", "\(dissection.destination)")))
    case .arp: return layers + [Layer(name: "arp", text: "")]
    case .other: return layers + [Layer(name: "type", text: "\(dissection.etherType)")]
    }
    let name = Self.names[dissection.transport.rawValue] ?? "protocol \(dissection.transport)"
    let ports =
      dissection.hasPorts ? "\(dissection.sourcePort) > \(dissection.destinationPort)" : ""
    return layers + [Layer(name: name, text: ports)]
  }

  private func ends(_ source: String, _ destination: String) -> String {
    "\(source) > \(destination)" + (dissection.isFragment ? ", a fragment" : "")
  }

  private static let names: [UInt8: String] = [
    6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: "udplite", 1: "icmp", 58: "icmpv6",
    50: "esp",
    51: "ah", 47: "gre", 59: "nothing",
  ]

  /// What of the packet the hash is made of; see ``FlowHash``.
  var key: String {
    guard dissection.hasAddresses else { return "the Ethernet addresses and the type" }
    if dissection.isFragment { return "the addresses alone, as of every fragment" }
    if dissection.hasPorts { return "the addresses, the protocol and the ports" }
    switch dissection.stop {
    case .truncated, .malformed, .tooDeep:
      return "the addresses alone: no transport header is in reach"
    default: return "the addresses and the protocol"
    }
  }

  /// The packet that would answer this one: both ends exchanged, layer by layer.
  var reply: Peeling {
    guard octets.count >= Ethernet.headerByteCount else { return self }
    var reply = octets
    swap(&reply, 0, 6, 6)
    switch dissection.network {
    case .ipv4: swap(&reply, dissection.networkOffset + 12, dissection.networkOffset + 16, 4)
    case .ipv6: swap(&reply, dissection.networkOffset + 8, dissection.networkOffset + 24, 16)
    default: break
    }
    if dissection.hasPorts {
      swap(&reply, dissection.transportOffset, dissection.transportOffset + 2, 2)
    }
    return Peeling(reply)
  }

  private func swap(_ octets: inout [UInt8], _ first: Int, _ second: Int, _ count: Int) {
    for index in 0..<count { octets.swapAt(first + index, second + index) }
  }

  private func field(_ offset: Int) -> UInt16 {
    UInt16(octets[offset]) << 8 | UInt16(octets[offset + 1])
  }

  private func address(at offset: Int) -> MACAddress {
    MACAddress(rawValue: octets[offset..<offset + 6].reduce(0) { $0 << 8 | UInt64($1) })
  }
}

extension Peeling {
  /// The layers for scripts.
  var json: JSON {
    .array(layers.map { ["name": .string($0.name), "text": .string($0.text)] })
  }
}
