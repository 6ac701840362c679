// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Syscalls
import TestSupport
import Testing

@Suite(.requiresNetworkNamespaces)
struct RouteTests {
  @Test func routesAndNeighboursAreReadAsTheyWereSet() throws {
    try withNetworkNamespaces { pair in
      let (routes, neighbours) = try pair.a.run {
        try pair.left.addAddress("10.1.0.1/24")
        for command in [
          "route add 10.2.0.0/16 via 10.1.0.9 metric 7", "route add blackhole 10.3.0.0/16",
          "route add unreachable 10.3.1.0/24", "route add prohibit 10.3.2.0/24",
          "route add 10.4.0.0/16 via 10.1.0.9 mtu lock 1280",
          "route add 10.5.0.0/16 nexthop via 10.1.0.8 nexthop via 10.1.0.9",
          "neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 nud permanent dev left",
        ] {
          try #require(unsafe system("ip \(command)") == 0, "\(command)")
        }
        return (try Route.all(), try Neighbour.all())
      }
      let left = pair.left.index
      func route(_ destination: [UInt8], _ length: Int) throws -> Route {
        try #require(
          routes.first {
            $0.table == 254 && $0.destination == destination && $0.prefixLength == length
          })
      }
      var far = Route(to: [10, 2, 0, 0], prefixLength: 16, by: left, gateway: [10, 1, 0, 9])
      far.priority = 7
      #expect(try route([10, 2, 0, 0], 16) == far)
      #expect(
        try route([10, 1, 0, 0], 24) == Route(to: [10, 1, 0, 0], prefixLength: 24, by: left))
      #expect(try route([10, 3, 0, 0], 16).kind == .blackhole)
      #expect(try route([10, 3, 1, 0], 24).kind == .unreachable)
      #expect(try route([10, 3, 2, 0], 24).kind == .prohibit)
      #expect(try route([10, 4, 0, 0], 16).mtu == 1_280)
      #expect(try route([10, 5, 0, 0], 16).gateway == [10, 1, 0, 8])
      let own = routes.first { $0.table == 255 && $0.destination == [10, 1, 0, 1] }
      #expect(own?.kind == .local)
      let address = try #require(HardwareAddress("02:00:00:00:00:09"))
      #expect(neighbours.contains(Neighbour([10, 1, 0, 9], at: address, by: left)))
    }
  }
}
