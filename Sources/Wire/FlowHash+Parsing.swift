// SPDX-License-Identifier: Apache-2.0

// Safe: each function compares the octets it reads with `byteCount` before the first of them.
extension FlowHash {
  /// The flow hash of any frame.
  @inline(never) @usableFromInline
  static func parsed(_ data: UnsafeRawPointer, byteCount: Int, seed: UInt64) -> UInt32 {
    guard byteCount >= Ethernet.headerByteCount else { return 0 }
    var offset = Ethernet.headerByteCount
    var type = unsafe EtherType(rawValue: data.field(12))
    var depth = 0
    while type.isVLAN, depth < VLAN.maximumDepth, offset &+ 4 <= byteCount {
      type = unsafe EtherType(rawValue: data.field(offset &+ 2))
      offset &+= VLAN.headerByteCount
      depth &+= 1
    }
    switch type {
    case .ipv4 where unsafe hasHeader(data, byteCount, offset, 20, version: 4):
      return unsafe ipv4(data, byteCount, offset, seed)
    case .ipv6 where unsafe hasHeader(data, byteCount, offset, 40, version: 6):
      return unsafe ipv6(data, byteCount, offset, seed)
    default:
      return unsafe ethernet(data, type, seed)
    }
  }

  private static func hasHeader(
    _ data: UnsafeRawPointer, _ byteCount: Int, _ offset: Int, _ needed: Int, version: UInt8
  ) -> Bool {
    guard offset &+ needed <= byteCount else { return false }
    return (unsafe data.field(offset) as UInt8) >> 4 == version
  }

  private static func ipv4(
    _ data: UnsafeRawPointer, _ byteCount: Int, _ offset: Int, _ seed: UInt64
  ) -> UInt32 {
    let view = unsafe IPv4.View(data + offset)
    let addresses = unsafe data + (offset &+ 12)
    guard !view.isFragment, view.headerByteCount >= IPv4.headerByteCount else {
      return unsafe ipv4(addresses, kind: 0, seed)
    }
    let kind = UInt64(view.nextProtocol.rawValue) << 56
    guard view.nextProtocol.hasPorts else { return unsafe ipv4(addresses, kind: kind, seed) }
    let ports = offset &+ view.headerByteCount
    guard ports &+ 4 <= byteCount else { return unsafe ipv4(addresses, kind: 0, seed) }
    return unsafe ipv4(addresses, ports: data + ports, kind: kind, seed)
  }

  private static func ipv6(
    _ data: UnsafeRawPointer, _ byteCount: Int, _ offset: Int, _ seed: UInt64
  ) -> UInt32 {
    let source = unsafe endpoint(data + (offset &+ 8), seed)
    let destination = unsafe endpoint(data + (offset &+ 24), seed)
    let next = unsafe IPv6.View(data + offset).nextHeader
    let upper = offset &+ IPv6.headerByteCount
    guard next.isExtension else {
      return unsafe ipv6(source, destination, next, data, byteCount, upper, seed)
    }
    let chain = unsafe IPv6.Chain(data, byteCount: byteCount, from: upper, next)
    guard !chain.isFragment, chain.end == .upperLayer else {
      return pair(source, destination, kind: 0, seed)
    }
    return unsafe ipv6(
      source, destination, chain.nextHeader, data, byteCount, chain.offset, seed)
  }

  @inline(__always)
  private static func ipv6(
    _ source: UInt64, _ destination: UInt64, _ transport: IPProtocol,
    _ data: UnsafeRawPointer, _ byteCount: Int, _ offset: Int, _ seed: UInt64
  ) -> UInt32 {
    let kind = UInt64(transport.rawValue) << 56
    guard transport.hasPorts else { return pair(source, destination, kind: kind, seed) }
    guard offset &+ 4 <= byteCount else { return pair(source, destination, kind: 0, seed) }
    let sourcePort: UInt16 = unsafe data.word(offset)
    let destinationPort: UInt16 = unsafe data.word(offset &+ 2)
    return pair(
      source ^ UInt64(sourcePort) << 32, destination ^ UInt64(destinationPort) << 32,
      kind: kind, seed)
  }

  /// An IPv6 address in one word.
  private static func endpoint(_ address: UnsafeRawPointer, _ seed: UInt64) -> UInt64 {
    let high: UInt64 = unsafe address.word(0)
    let low: UInt64 = unsafe address.word(8)
    return fold(high ^ k2 ^ seed, low ^ k3)
  }

  private static func ethernet(
    _ data: UnsafeRawPointer, _ type: EtherType, _ seed: UInt64
  ) -> UInt32 {
    let view = unsafe Ethernet.View(data)
    // The type's 16 bits stand beside the 48 of an address, in both endpoints alike.
    let kind = UInt64(type.rawValue) << 48
    return pair(view.source.rawValue | kind, view.destination.rawValue | kind, kind: 0, seed)
  }
}

extension FlowHash {
  /// The flow hash of a whole IPv4 packet with these fields, in either direction.
  ///
  /// - Parameters:
  ///   - source: One address.
  ///   - destination: The other address.
  ///   - transport: The IP protocol.
  ///   - sourcePort: The port beside `source`; counts only if the protocol has ports.
  ///   - destinationPort: The port beside `destination`; counts only if the protocol has ports.
  ///   - seed: The seed that the packets are hashed with.
  /// - Returns: What `symmetric(_:byteCount:seed:)` gives for a packet of the flow.
  public static func symmetric(
    source: IPv4Address, destination: IPv4Address, _ transport: IPProtocol,
    sourcePort: UInt16 = 0, destinationPort: UInt16 = 0, seed: UInt64 = 0
  ) -> UInt32 {
    pair(
      word(source.rawValue) | port(sourcePort, transport),
      word(destination.rawValue) | port(destinationPort, transport),
      kind: UInt64(transport.rawValue) << 56, seed)
  }

  /// The flow hash of a whole IPv6 packet with these fields, in either direction.
  ///
  /// - Parameters:
  ///   - source: One address.
  ///   - destination: The other address.
  ///   - transport: The IP protocol behind all extension headers.
  ///   - sourcePort: The port beside `source`; counts only if the protocol has ports.
  ///   - destinationPort: The port beside `destination`; counts only if the protocol has ports.
  ///   - seed: The seed that the packets are hashed with.
  /// - Returns: What `symmetric(_:byteCount:seed:)` gives for a packet of the flow.
  public static func symmetric(
    source: IPv6Address, destination: IPv6Address, _ transport: IPProtocol,
    sourcePort: UInt16 = 0, destinationPort: UInt16 = 0, seed: UInt64 = 0
  ) -> UInt32 {
    pair(
      endpoint(source, seed) ^ port(sourcePort, transport),
      endpoint(destination, seed) ^ port(destinationPort, transport),
      kind: UInt64(transport.rawValue) << 56, seed)
  }

  /// A number as `UnsafeRawPointer.word(_:)` reads it from a packet.
  private static func word(_ value: UInt32) -> UInt64 { UInt64(value.byteSwapped) }

  private static func port(_ value: UInt16, _ transport: IPProtocol) -> UInt64 {
    transport.hasPorts ? UInt64(value.byteSwapped) << 32 : 0
  }

  private static func endpoint(_ address: IPv6Address, _ seed: UInt64) -> UInt64 {
    fold(address.high.byteSwapped ^ k2 ^ seed, address.low.byteSwapped ^ k3)
  }
}
