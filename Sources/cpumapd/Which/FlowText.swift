// SPDX-License-Identifier: Apache-2.0

import Wire

/// A flow as people write it, made into the packet that it begins with.
///
///     10.0.0.1:443 > 192.0.2.7:5555 tcp
///     qinq 208.4 [2001:db8::1]:53 > [2001:db8::2]:53 udp
///     vlan 7 10.0.0.1 > 10.0.0.2 icmp
///     52540012345652540012345708004500...        the packet itself, in hexadecimal
struct FlowText {
  /// The frame, from its Ethernet header.
  let octets: [UInt8]

  /// Why a text is no flow.
  struct Mistake: Error {
    let description: String
  }

  /// Reads a flow or a packet.
  init(_ text: String) throws(Mistake) {
    if let octets = FlowText.hexadecimal(text) {
      self.octets = octets
    } else {
      octets = try FlowText.frame(text)
    }
  }

  /// The octets of a packet written in hexadecimal, spaces and colons ignored; nil where it is none.
  private static func hexadecimal(_ text: String) -> [UInt8]? {
    let isSpace: (Character) -> Bool = { $0 == ":" || $0.isWhitespace }
    let digits = text.filter { !isSpace($0) }.map(\.hexDigitValue)
    // Fewer than an Ethernet header has may be anything.
    guard digits.count >= 2 * Ethernet.headerByteCount, digits.count.isMultiple(of: 2) else {
      return nil
    }
    var octets: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      octets.append(UInt8(high << 4 | low))
    }
    return octets
  }

  private static func frame(_ text: String) throws(Mistake) -> [UInt8] {
    var words = text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
    var frame: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
    for tag in try tags(&words) {
      frame += [
        UInt8(tag.type >> 8), UInt8(tag.type & 0xFF), UInt8(tag.id >> 8), UInt8(tag.id & 0xFF),
      ]
    }
    guard words.count >= 3, words[words.startIndex + 1] == ">" else {
      throw Mistake(
        description: "a flow is SOURCE:PORT > DESTINATION:PORT PROTOCOL, or hexadecimal")
    }
    let ends = (words[words.startIndex], words[words.startIndex + 2])
    let proto = try number(of: words.dropFirst(3).first ?? "tcp")
    guard words.count <= 4 else {
      throw Mistake(description: "\"\(words[words.startIndex + 4])\" is too much")
    }
    return frame + (try network(Endpoint(ends.0), Endpoint(ends.1), proto))
  }

  /// `vlan 7`, `qinq 208.4`, or nothing.
  private static func tags(
    _ words: inout ArraySlice<String>
  ) throws(Mistake) -> [(type: UInt16, id: UInt16)] {
    guard let kind = words.first, kind == "vlan" || kind == "qinq" else { return [] }
    let numbers = (words.dropFirst().first ?? "").split(separator: ".").map { UInt16($0) }
    let types: [UInt16] = kind == "vlan" ? [0x8100] : [0x88A8, 0x8100]
    let ids = numbers.compactMap(\.self).filter { $0 < 4_096 }
    guard ids.count == types.count, numbers.count == types.count else {
      throw Mistake(
        description: "\(kind) takes \(kind == "vlan" ? "a VLAN, as 7" : "two VLANs, as 208.4")")
    }
    words = words.dropFirst(2)
    return zip(types, ids).map { (type: $0, id: $1) }
  }

  private static let protocols: [String: UInt8] = [
    "tcp": 6, "udp": 17, "sctp": 132, "dccp": 33, "udplite": 136, "icmp": 1, "icmpv6": 58,
    "esp": 50,
    "ah": 51, "gre": 47,
  ]

  private static func number(of name: String) throws(Mistake) -> IPProtocol {
    guard let number = protocols[name.lowercased()] ?? UInt8(name) else {
      let names = protocols.keys.sorted().joined(separator: ", ")
      throw Mistake(description: "\"\(name)\" is no protocol: a number, or one of \(names)")
    }
    return IPProtocol(rawValue: number)
  }

  private static func network(
    _ source: Endpoint, _ destination: Endpoint, _ next: IPProtocol
  ) throws(Mistake) -> [UInt8] {
    if next.hasPorts != (source.port != nil) || next.hasPorts != (destination.port != nil) {
      throw Mistake(
        description: next.hasPorts
          ? "this protocol has ports: both ends need one" : "this protocol has no ports")
    }
    let ports = [source.port ?? 0, destination.port ?? 0].flatMap {
      [UInt8($0 >> 8), UInt8($0 & 0xFF)]
    }
    let payload = ports + [UInt8](repeating: 0, count: 16)
    switch (source.address, destination.address) {
    case (.ipv4(let from), .ipv4(let to)):
      let length = UInt8(20 + payload.count)
      let header: [UInt8] = [8, 0, 0x45, 0, 0, length, 0, 0, 0x40, 0, 64, next.rawValue, 0, 0]
      return header + bigEndian(from.rawValue) + bigEndian(to.rawValue) + payload
    case (.ipv6(let from), .ipv6(let to)):
      let header: [UInt8] = [0x86, 0xDD, 0x60, 0, 0, 0, 0, UInt8(payload.count), next.rawValue, 64]
      return header + bigEndian(from.high) + bigEndian(from.low) + bigEndian(to.high)
        + bigEndian(to.low) + payload
    default: throw Mistake(description: "one end is IPv4 and the other IPv6")
    }
  }

  private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    stride(from: value.bitWidth - 8, through: 0, by: -8).map {
      UInt8(truncatingIfNeeded: value >> $0)
    }
  }
}

/// One end of a flow.
private struct Endpoint {
  enum Address {
    case ipv4(IPv4Address)
    case ipv6(IPv6Address)
  }

  let address: Address
  let port: UInt16?

  /// Reads `10.0.0.1`, `10.0.0.1:443`, `2001:db8::1` or `[2001:db8::1]:443`.
  init(_ text: String) throws(FlowText.Mistake) {
    let mistake = FlowText.Mistake(description: "\"\(text)\" is no address, or its port no port")
    if text.hasPrefix("[") {
      let parts = text.dropFirst().split(separator: "]", omittingEmptySubsequences: false)
      guard parts.count == 2, let address = IPv6Address(String(parts[0])) else { throw mistake }
      self.address = .ipv6(address)
      guard parts[1].hasPrefix(":"), let port = UInt16(parts[1].dropFirst()) else { throw mistake }
      self.port = port
    } else if let address = IPv6Address(text) {
      self.address = .ipv6(address)
      port = nil
    } else {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2, let address = IPv4Address(String(parts[0])) else { throw mistake }
      self.address = .ipv4(address)
      port = parts.count == 2 ? UInt16(parts[1]) : nil
      guard parts.count == 1 || port != nil else { throw mistake }
    }
  }
}
