// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A route as one of the kernel's tables has it.
public struct Route: Hashable, Sendable {
  /// What the kernel does with packets that take the route.
  public enum Kind: UInt8, Sendable {
    /// Sends them on.
    case unicast = 1
    /// Takes them in.
    case local = 2
    /// Takes them in, and they are for everybody.
    case broadcast = 3
    /// Takes them in, and somebody else could have.
    case anycast = 4
    /// They are for a group.
    case multicast = 5
    /// Drops them silently.
    case blackhole = 6
    /// Drops them and says that there is no way.
    case unreachable = 7
    /// Drops them and says that it is forbidden.
    case prohibit = 8
    /// Looks in the next table.
    case thrown = 9
    /// Something else.
    case other = 0
  }

  /// Whether it is for IPv6.
  public var isIPv6: Bool
  /// The table's number: 255 local, 254 main, 253 default.
  public var table: UInt32
  /// What the kernel does with packets that take it.
  public var kind: Kind
  /// The first octets of the destinations: 4 or 16 octets.
  public var destination: [UInt8]
  /// How many bits of the destination count; 0...32 or 0...128.
  public var prefixLength: Int
  /// The lower, the better, among routes to the same destinations.
  public var priority: UInt32 = 0
  /// The interface that the packets leave by; 0 for none.
  public var interfaceIndex: UInt32 = 0
  /// The router that they are for, 4 or 16 octets; nil where the destination itself is at the other end.
  public var gateway: [UInt8]?
  /// The octets of the largest packet that the route takes; 0 for those of the interface.
  public var mtu: UInt32 = 0

  /// Describes a route of the table `main`.
  public init(
    to destination: [UInt8], prefixLength: Int, kind: Kind = .unicast, by interfaceIndex: UInt32,
    gateway: [UInt8]? = nil
  ) {
    isIPv6 = destination.count == 16
    table = 254
    self.kind = kind
    self.destination = destination
    self.prefixLength = prefixLength
    self.interfaceIndex = interfaceIndex
    self.gateway = gateway
  }

  /// All routes of the calling thread's namespace, those of every table.
  ///
  /// Of a route with several ways it has the first.
  ///
  /// Source: `inet_dump_fib()`, net/ipv4/fib_frontend.c; `inet6_dump_fib()`, net/ipv6/ip6_fib.c.
  public static func all() throws(SystemCallError) -> [Route] {
    try NetlinkSocket.list("RTM_GETROUTE", RTM_GETROUTE, rtmsg()) { Route($0, in: $1) }
  }

  init?(_ payload: Range<Int>, in bytes: borrowing RawSpan) {
    let start = payload.lowerBound
    let header = MemoryLayout<rtmsg>.size
    guard payload.count >= header, let family = bytes.load(UInt8.self, at: start),
      let length = bytes.load(UInt8.self, at: start + 1),
      let table = bytes.load(UInt8.self, at: start + 4),
      let kind = bytes.load(UInt8.self, at: start + 7),
      let flags = bytes.load(UInt32.self, at: start + 8),
      family == UInt8(AF_INET) || family == UInt8(AF_INET6),
      // A copy that the kernel made for one destination.
      flags & UInt32(RTM_F_CLONED) == 0
    else { return nil }
    isIPv6 = family == UInt8(AF_INET6)
    prefixLength = Int(length)
    self.table = UInt32(table)
    self.kind = Kind(rawValue: kind) ?? .other
    destination = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    var cursor = NetlinkCursor(start + header..<payload.upperBound)
    while let attribute = cursor.nextAttribute(in: bytes) { read(attribute, in: bytes) }
    guard destination.count == (isIPv6 ? 16 : 4), prefixLength <= 8 * destination.count else {
      return nil
    }
  }

  private mutating func read(_ attribute: NetlinkAttribute, in bytes: borrowing RawSpan) {
    let number = bytes.load(UInt32.self, at: attribute.payload.lowerBound) ?? 0
    switch attribute.kind {
    case Int(RTA_DST.rawValue): destination = bytes.octets(attribute.payload)
    case Int(RTA_OIF.rawValue): interfaceIndex = number
    case Int(RTA_GATEWAY.rawValue): gateway = bytes.octets(attribute.payload)
    // The family, then the address.
    case Int(RTA_VIA.rawValue): gateway = Array(bytes.octets(attribute.payload).dropFirst(2))
    case Int(RTA_PRIORITY.rawValue): priority = number
    case Int(RTA_TABLE.rawValue): table = number
    case Int(RTA_METRICS.rawValue): readMetrics(attribute, in: bytes)
    case Int(RTA_MULTIPATH.rawValue): readFirstWay(attribute, in: bytes)
    default: break
    }
  }

  private mutating func readMetrics(_ nest: NetlinkAttribute, in bytes: borrowing RawSpan) {
    var cursor = NetlinkCursor(nest.payload)
    while let attribute = cursor.nextAttribute(in: bytes) {
      guard attribute.kind == RTAX_MTU else { continue }
      mtu = bytes.load(UInt32.self, at: attribute.payload.lowerBound) ?? 0
    }
  }

  /// A way is its length, flags, hops and interface, then attributes.
  private mutating func readFirstWay(_ nest: NetlinkAttribute, in bytes: borrowing RawSpan) {
    let start = nest.payload.lowerBound
    let header = MemoryLayout<rtnexthop>.size
    guard let length = bytes.load(UInt16.self, at: start), Int(length) >= header,
      Int(length) <= nest.payload.count,
      let interface = bytes.load(UInt32.self, at: start + 4)
    else { return }
    interfaceIndex = interface
    var cursor = NetlinkCursor(start + header..<start + Int(length))
    while let attribute = cursor.nextAttribute(in: bytes) { read(attribute, in: bytes) }
  }
}
