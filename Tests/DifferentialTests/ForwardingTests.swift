// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Glibc
import Plugins
import Syscalls
import TestSupport
import Testing
import Wire

/// Where packets go, as our table says and as the kernel's `bpf_fib_lookup()` does.
@Suite(.requiresKernelPrograms, .requiresNetworkNamespaces) struct ForwardingTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func aThousandDestinationsGoWhereTheKernelSendsThem(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let namespace = try NetworkNamespace.anonymous()
    let network = Network(&random)
    try namespace.run { try network.build() }
    let (kernel, table) = try namespace.run {
      let interfaces = try Interface.all().filter { $0.name.hasPrefix("p") }
      let ports = Dictionary(uniqueKeysWithValues: interfaces.map { ($0.index, $0.index + 100) })
      return (try KernelWays(), try ForwardingTable(ports: ports))
    }
    let ingress = try namespace.run { try Interface(named: "p0").index }
    var forwarded = 0
    for _ in 0..<1_000 {
      let destination = network.destination(&random)
      let theirs = try namespace.run { try kernel.look(for: destination, from: ingress) }
      let ours = OurWay(table, to: destination)
      #expect(ours == theirs, "\(destination)")
      if case .forward = theirs { forwarded += 1 }
    }
    #expect(forwarded > 200)
  }
}

/// What becomes of packets for a destination.
enum OurWay: Equatable {
  case pass
  case drop
  case forward(interface: UInt32, destination: MACAddress, source: MACAddress)

  init(_ table: ForwardingTable, to destination: Destination) {
    let hop =
      switch destination {
      case .ipv4(let address): table.hop(to: address)
      case .ipv6(let address): table.hop(to: address)
      }
    switch hop.action {
    case .pass: self = .pass
    case .drop: self = .drop
    case .forward:
      self = .forward(
        interface: hop.interfaceIndex, destination: hop.destination, source: hop.source)
    }
  }

  /// What a program does with the kernel's answer.
  init(_ way: way) {
    switch way.result {
    case 0:
      self = unsafe .forward(
        interface: way.interface, destination: MACAddress(octets: way.target),
        source: MACAddress(octets: way.source))
    // Blackhole, unreachable, prohibited.
    case 1, 2, 3: self = .drop
    // Not forwarded, forwarding disabled, a way that is none of ours, no neighbour, too long.
    default: self = .pass
    }
  }
}

extension MACAddress {
  fileprivate init(octets: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8)) {
    self.init(octets.0, octets.1, octets.2, octets.3, octets.4, octets.5)
  }
}

/// An address of either family.
enum Destination {
  case ipv4(IPv4Address)
  case ipv6(IPv6Address)
}

/// Three interfaces with addresses, neighbours and routes that a seed chooses.
private struct Network {
  private var commands: [String] = []
  private var prefixes4: [(address: UInt32, length: Int)] = []
  private var prefixes6: [(high: UInt64, length: Int)] = []

  init(_ random: inout SeededGenerator) {
    for link in 0..<3 {
      commands += [
        "link add p\(link) type veth peer name o\(link)",
        "link set o\(link) up", "link set p\(link) up",
        "addr add 10.\(link).0.1/24 dev p\(link)",
        "addr add 2001:db8:\(link)::1/64 dev p\(link) nodad",
      ]
      // The first hosts of a link are known, the others have to be asked for.
      for host in 2..<12 {
        let address = "lladdr 02:0\(link):00:00:00:\(host < 10 ? "0" : "")\(host)"
        commands.append("neigh add 10.\(link).0.\(host) \(address) nud permanent dev p\(link)")
        commands.append(
          "neigh add 2001:db8:\(link)::\(host) \(address) nud permanent dev p\(link)")
      }
      prefixes4.append((UInt32(10 << 24 | link << 16), 28))
      prefixes6.append((0x2001_0db8_0000_0000 | UInt64(link) << 16, 64))
    }
    for _ in 0..<150 { addRoutes(&random) }
  }

  /// One route of each family: within a few octets, so that they lie inside each other.
  private mutating func addRoutes(_ random: inout SeededGenerator) {
    let length = Int.random(in: 5...32, using: &random)
    let address =
      (UInt32(20 + random.next() % 3) << 24 | UInt32(truncatingIfNeeded: random.next())
        & 0x00F3_0303)
      & (UInt32.max << (32 - length))
    let target = Network.target(&random)
    commands.append(
      "route replace \(target.kind)\(IPv4Address(rawValue: address))/\(length)\(target.ipv4)")
    prefixes4.append((address, length))
    let length6 = Int.random(in: 20...64, using: &random)
    let high =
      (0x2400_0000_0000_0000 | UInt64(random.next() & 0x0003_0F0F_0303))
      & (UInt64.max << (64 - length6))
    commands.append(
      "-6 route replace \(target.kind)\(IPv6Address(high: high, low: 0))/\(length6)\(target.ipv6)")
    prefixes6.append((high, length6))
  }

  private static func target(
    _ random: inout SeededGenerator
  ) -> (kind: String, ipv4: String, ipv6: String) {
    let link = Int.random(in: 0..<3, using: &random)
    // Some routers are not known.
    let host = Int.random(in: 2..<14, using: &random)
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return ("blackhole ", "", "")
    case 1: return ("unreachable ", "", "")
    case 2: return ("prohibit ", "", "")
    case 3: return ("", " dev p\(link)", " dev p\(link)")
    default:
      return ("", " via 10.\(link).0.\(host)", " via 2001:db8:\(link)::\(host)")
    }
  }

  func build() throws {
    let text = commands.joined(separator: "\n") + "\n"
    let pipe = unsafe try #require(popen("ip -force -batch - 2>/dev/null", "w"))
    unsafe fputs(text, pipe)
    unsafe pclose(pipe)
    for name in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
      let file = unsafe try #require(fopen("/proc/sys/net/\(name)", "w"))
      unsafe fputs("1", file)
      unsafe fclose(file)
    }
    for link in 0..<3 { try Interface(named: "p\(link)").waitUntilTransmitting() }
    #expect(try Route.all().count > 150)
  }

  /// An address near one of the prefixes, or any.
  func destination(_ random: inout SeededGenerator) -> Destination {
    if Bool.random(using: &random) {
      let prefix = prefixes4[Int.random(in: prefixes4.indices, using: &random)]
      let host =
        UInt32(truncatingIfNeeded: random.next())
        & (prefix.length == 32 ? 3 : .max >> prefix.length)
      if Int.random(in: 0..<10, using: &random) == 0 {
        return .ipv4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: random.next())))
      }
      return .ipv4(IPv4Address(rawValue: prefix.address ^ host))
    }
    let prefix = prefixes6[Int.random(in: prefixes6.indices, using: &random)]
    let below = prefix.length == 64 ? 0 : random.next() & (.max >> UInt64(prefix.length))
    return .ipv6(
      IPv6Address(high: prefix.high ^ below, low: UInt64.random(in: 0..<16, using: &random)))
  }
}
