// SPDX-License-Identifier: Apache-2.0

public import Syscalls
public import Wire

/// Where packets go next: the kernel's routes and neighbours at one moment, ready to be looked up.
///
/// Has the tables `local`, `main` and `default`, in that order, as the kernel looks at them where nobody has added
/// rules. Of a route with several ways it has the first. It never changes: who watches the kernel makes another, and
/// exchanges the program that uses it.
///
/// Source: `bpf_ipv4_fib_lookup()` and `bpf_ipv6_fib_lookup()`, `net/core/filter.c`.
@safe
public final class ForwardingTable: @unchecked Sendable {
  // Safe: written once, freed with the table.
  private let hops: UnsafeMutablePointer<Hop>
  private let hopCount: Int
  private let ipv4: RouteIntervals<UInt32>
  private let ipv6: RouteIntervals<UInt128>

  /// What becomes of packets for some addresses.
  public struct Hop: Equatable, Sendable {
    /// The three ways.
    public enum Action: UInt8, Sendable {
      /// The kernel's affair: for this host, for a group, for nobody known, or a neighbour has to be asked for.
      case pass
      /// A route says that they go nowhere.
      case drop
      /// To the neighbour at ``destination``, out of ``port``.
      case forward
    }

    /// What becomes of them.
    public var action: Action
    /// The interface that they leave by; 0 for none.
    public var interfaceIndex: UInt32
    /// The number of that interface's port; 0 for none.
    public var port: UInt32
    /// The octets of the largest packet, without its Ethernet header.
    public var mtu: UInt32
    /// Whom frames are for; 0 where it is not known.
    public var destination: MACAddress
    /// Whom frames are from.
    public var source: MACAddress

    /// For packets that are the kernel's affair.
    public static let pass = Hop(
      action: .pass, interfaceIndex: 0, port: 0, mtu: 0, destination: MACAddress(rawValue: 0),
      source: MACAddress(rawValue: 0))
  }

  /// An interface that packets may leave by.
  public struct Link: Sendable {
    /// The kernel's index.
    public var index: UInt32
    /// The number of its port.
    public var port: UInt32
    /// The octets of its largest packet, without the Ethernet header.
    public var mtu: UInt32
    /// Whom its frames are from.
    public var address: MACAddress

    /// Describes a link.
    public init(index: UInt32, port: UInt32, mtu: UInt32 = 1_500, address: MACAddress) {
      self.index = index
      self.port = port
      self.mtu = mtu
      self.address = address
    }
  }

  /// Makes a table.
  ///
  /// - Parameters:
  ///   - routes: As the kernel has them.
  ///   - neighbours: As the kernel has them.
  ///   - links: The interfaces that have ports; what would leave by another is passed.
  public convenience init(routes: [Route], neighbours: [Neighbour], links: [Link]) {
    self.init(ForwardingPlan(routes: routes, neighbours: neighbours, links: links))
  }

  /// Reads the table of the calling thread's network namespace.
  ///
  /// - Parameter ports: The numbers of ports by the index of their interface.
  /// - Throws: `SystemCallError` where the kernel does not tell.
  public convenience init(ports: [UInt32: UInt32]) throws(SystemCallError) {
    let links = try Interface.all().compactMap { interface in
      ports[interface.index].map { port in
        Link(
          index: interface.index, port: port, mtu: interface.mtu,
          address: MACAddress(rawValue: interface.hardwareAddress?.rawValue ?? 0))
      }
    }
    self.init(routes: try Route.all(), neighbours: try Neighbour.all(), links: links)
  }

  init(_ plan: ForwardingPlan) {
    hopCount = plan.hops.count
    unsafe hops = .allocate(capacity: max(hopCount, 1))
    for (position, hop) in plan.hops.enumerated() {
      unsafe (hops + position).initialize(to: hop)
    }
    ipv4 = RouteIntervals(plan.ipv4)
    ipv6 = RouteIntervals(plan.ipv6)
  }

  deinit {
    unsafe hops.deallocate()
  }

  /// What becomes of packets for an address.
  @inline(__always)
  public func hop(to address: IPv4Address) -> Hop { hop(ipv4.place(of: address.rawValue)) }

  /// What becomes of packets for an address.
  @inline(__always)
  public func hop(to address: IPv6Address) -> Hop {
    hop(ipv6.place(of: UInt128(address.high) << 64 | UInt128(address.low)))
  }

  @inline(__always)
  private func hop(_ place: Int32) -> Hop {
    guard place >= 0 else { return .pass }
    // Safe: a place is below the number of hops.
    return unsafe hops[Int(place)]
  }
}
