// SPDX-License-Identifier: Apache-2.0
//
// A router between two ports: looks the way up, counts the life down, addresses the frame. Its table is made by hand;
// `try ForwardingTable(ports:)` reads the kernel's own routes and neighbours.
//
//     10.0.2.7 leaves by lan for 02:00:00:00:00:07, life 63
//     20.1.2.3 leaves by lan for 02:00:00:00:00:09, life 63
//     20.66.0.1 is dropped
//     30.0.0.1 is passed

import Arena
import Datapath
import MemModels
import Plugins
import Ports
import Syscalls
import Wire
import XDPFrame

let registry = MemoryRegistry(arena: try Arena())
let pool = try PagePool(registry: registry, pageCount: 64)
let wan = try MemoryPort(name: "wan", registry: registry)
let lan = try MemoryPort(name: "lan", registry: registry)
let datapath = Datapath(registry: registry)
datapath.add(wan)
datapath.add(lan)

let table = ForwardingTable(
  routes: [
    Route(to: [10, 0, 2, 0], prefixLength: 24, by: 2),
    Route(to: [20, 0, 0, 0], prefixLength: 8, by: 2, gateway: [10, 0, 2, 9]),
    Route(to: [20, 66, 0, 0], prefixLength: 16, kind: .blackhole, by: 0),
  ],
  neighbours: [
    Neighbour([10, 0, 2, 7], at: HardwareAddress(rawValue: 0x0200_0000_0007), by: 2),
    Neighbour([10, 0, 2, 9], at: HardwareAddress(rawValue: 0x0200_0000_0009), by: 2),
  ],
  links: [
    ForwardingTable.Link(index: 2, port: lan.number, address: MACAddress(2, 0, 0, 0, 0, 1))
  ])
let router = Forward(table: table, map: Datapath.portMapNumber)
let loop = try datapath.addLoop(port: wan, queue: 0, program: router, named: "router")
try datapath.start()

for (number, name) in ["10.0.2.7", "20.1.2.3", "20.66.0.1", "30.0.0.1"].enumerated() {
  let packet = PacketBuilder.octets(minimumByteCount: 60) { builder in
    builder.ethernet()
    builder.ipv4(
      source: IPv4Address(192, 0, 2, 1), destination: IPv4Address(name) ?? .init(rawValue: 0))
    builder.udp(source: 7, destination: 9)
  }
  guard let frame = Frame(octets: packet, from: pool), wan.put(frame) == nil else { break }
  while loop.tally[.received] <= number {}
  // The port that PASS leads to is not set, so passed packets end here.
  while loop.tally[.redirect] + loop.tally.dropped <= number {}
  guard let sent = lan.takeSent() else {
    print(name, loop.tally[DropReason.passUnconfigured] > 0 ? "is passed" : "is dropped")
    continue
  }
  let octets = sent.octets()
  let target = MACAddress(octets[0], octets[1], octets[2], octets[3], octets[4], octets[5])
  print(name, "leaves by lan for \(target), life \(octets[22])")
}
datapath.stop()
