// SPDX-License-Identifier: Apache-2.0

internal import Syscalls
internal import Wire

/// Routes and neighbours on their way to a ``ForwardingTable``.
///
/// Who is reached without a router gets a prefix of its own length, as if the neighbour were a route: so one search
/// finds the way and the address on the wire.
struct ForwardingPlan {
  private(set) var hops: [ForwardingTable.Hop] = []
  /// Which hops have the destination itself at the other end.
  private var directHops: Set<Int> = []
  private(set) var ipv4: [RouteIntervals<UInt32>.Prefix] = []
  private(set) var ipv6: [RouteIntervals<UInt128>.Prefix] = []
  private let links: [UInt32: ForwardingTable.Link]
  private let neighbours: [Place: HardwareAddress]

  /// An address at an interface.
  private struct Place: Hashable {
    let interfaceIndex: UInt32
    let address: [UInt8]
  }

  init(routes: [Route], neighbours: [Neighbour], links: [ForwardingTable.Link]) {
    self.links = Dictionary(links.map { ($0.index, $0) }) { $1 }
    var known: [Place: HardwareAddress] = [:]
    for neighbour in neighbours where neighbour.isValid {
      let place = Place(interfaceIndex: neighbour.interfaceIndex, address: neighbour.address)
      known[place] = neighbour.hardwareAddress
    }
    self.neighbours = known
    for route in routes { add(route) }
    addNeighbours()
  }

  /// How early the kernel looks at a table; nil for one that it looks at by a rule only.
  private static func rank(ofTable table: UInt32) -> Int? {
    switch table {
    case 255: 3
    case 254: 2
    case 253: 1
    default: nil
    }
  }

  private mutating func add(_ route: Route) {
    guard let table = ForwardingPlan.rank(ofTable: route.table) else { return }
    hops.append(hop(of: route))
    if route.gateway == nil { directHops.insert(hops.count - 1) }
    append(
      route.destination, length: route.prefixLength, rank: table << 8 | route.prefixLength,
      priority: route.priority, hop: hops.count - 1)
  }

  private mutating func append(
    _ address: [UInt8], length: Int, rank: Int, priority: UInt32, hop: Int
  ) {
    if address.count == 4 {
      let start: UInt32 = ForwardingPlan.number(address)
      ipv4.append(
        .init(start: start, length: length, rank: rank, priority: priority, place: Int32(hop)))
    } else {
      let start: UInt128 = ForwardingPlan.number(address)
      ipv6.append(
        .init(start: start, length: length, rank: rank, priority: priority, place: Int32(hop)))
    }
  }

  private static func number<Number: FixedWidthInteger>(_ octets: [UInt8]) -> Number {
    octets.reduce(0) { $0 << 8 | Number($1) }
  }

  private func hop(of route: Route) -> ForwardingTable.Hop {
    switch route.kind {
    case .blackhole, .unreachable, .prohibit:
      var hop = ForwardingTable.Hop.pass
      hop.action = .drop
      return hop
    case .unicast:
      return hop(by: route.interfaceIndex, mtu: route.mtu, to: route.gateway)
    default:
      return .pass
    }
  }

  /// The hop to a neighbour; passes where the interface has no port or the neighbour is not known.
  private func hop(by index: UInt32, mtu: UInt32, to neighbour: [UInt8]?) -> ForwardingTable.Hop {
    var hop = ForwardingTable.Hop.pass
    hop.interfaceIndex = index
    guard let link = links[index] else { return hop }
    hop.mtu = mtu == 0 ? link.mtu : mtu
    hop.port = link.port
    hop.source = link.address
    guard let neighbour,
      let address = neighbours[Place(interfaceIndex: index, address: neighbour)]
    else { return hop }
    hop.destination = MACAddress(rawValue: address.rawValue)
    hop.action = .forward
    return hop
  }

  /// Gives each neighbour a prefix, where the route to it is one without a router by the same interface.
  private mutating func addNeighbours() {
    let (table4, table6) = (RouteIntervals(ipv4), RouteIntervals(ipv6))
    for place in neighbours.keys {
      let bits = 8 * place.address.count
      let found =
        bits == 32
        ? table4.place(of: ForwardingPlan.number(place.address))
        : table6.place(of: ForwardingPlan.number(place.address))
      guard directHops.contains(Int(found)) else { continue }
      let way = hops[Int(found)]
      guard way.interfaceIndex == place.interfaceIndex else { continue }
      hops.append(hop(by: place.interfaceIndex, mtu: way.mtu, to: place.address))
      // Above every route: whatever led to it would have led here.
      append(place.address, length: bits, rank: .max, priority: 0, hop: hops.count - 1)
    }
  }
}
