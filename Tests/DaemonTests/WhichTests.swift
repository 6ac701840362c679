// SPDX-License-Identifier: Apache-2.0

import Control
import Datapath
import Glibc
import MemModels
import Plugins
import Ports
import Testing
import Wire
import XDPFrame

@testable import cpumapd

/// Where a flow goes, said and done.
@Suite struct WhichTests {
  @Test(arguments: [
    ("10.0.0.1:443 > 192.0.2.7:5555 tcp", ["eth", "ip", "tcp"]),
    ("10.0.0.1:443 > 192.0.2.7:5555", ["eth", "ip", "tcp"]),
    ("vlan 7 10.0.0.1:53 > 192.0.2.7:5555 udp", ["eth", "vlan", "ip", "udp"]),
    ("qinq 208.4 10.0.0.1:1 > 192.0.2.7:2 sctp", ["eth", "qinq", "vlan", "ip", "sctp"]),
    ("qinq 208.4 [2001:db8::1]:53 > [2001:db8::2]:99 udp", ["eth", "qinq", "vlan", "ip6", "udp"]),
    ("2001:db8::1 > 2001:db8::2 icmpv6", ["eth", "ip6", "icmpv6"]),
    ("vlan 4095 10.0.0.1 > 10.0.0.2 esp", ["eth", "vlan", "ip", "esp"]),
    ("10.0.0.1 > 10.0.0.2 89", ["eth", "ip", "protocol 89"]),
    (
      "ffffffffffff 020000000001 0806 0001080006040001 0200000000010a000001 0000000000000a000002",
      ["eth", "arp"]
    ),
    ("ff:ff:ff:ff:ff:ff:02:00:00:00:00:01:88:cc", ["eth", "type"]),
  ])
  func aFlowIsPeeledAndItsReplyHasTheSameHash(flow: String, layers: [String]) throws {
    let packet = Peeling(try FlowText(flow).octets)
    #expect(packet.layers.map(\.name) == layers)
    let reply = packet.reply
    #expect(reply.octets != packet.octets)
    #expect(reply.hash == packet.hash)
    #expect(reply.layers.map(\.name) == layers)
    #expect(reply.reply.octets == packet.octets)
  }

  @Test(arguments: [
    ("", "a flow is"), ("10.0.0.1", "a flow is"), ("10.0.0.1 to 10.0.0.2 tcp", "a flow is"),
    ("10.0.0.1 > 10.0.0.2 tcp", "both ends need one"),
    ("10.0.0.1:5 > 10.0.0.2 udp", "both ends need one"),
    ("10.0.0.1:5 > 10.0.0.2:6 icmp", "this protocol has no ports"),
    ("10.0.0.256:1 > 10.0.0.2:1 tcp", "\"10.0.0.256:1\" is no address"),
    ("10.0.0.1:65536 > 10.0.0.2:1 tcp", "\"10.0.0.1:65536\" is no address"),
    ("[::1]:1 > 10.0.0.2:1 tcp", "one end is IPv4 and the other IPv6"),
    ("[::1:1 > [::2]:1 tcp", "\"[::1:1\" is no address"),
    ("10.0.0.1:1 > 10.0.0.2:1 tpc", "\"tpc\" is no protocol"),
    ("10.0.0.1:1 > 10.0.0.2:1 tcp now", "\"now\" is too much"),
    ("vlan 4096 10.0.0.1:1 > 10.0.0.2:1", "vlan takes a VLAN"),
    ("qinq 7 10.0.0.1:1 > 10.0.0.2:1", "qinq takes two VLANs"), ("vlan", "vlan takes a VLAN"),
    ("0200000000020200000000010", "a flow is"),
  ])
  func whatIsNoFlowIsExplained(text: String, explanation: String) {
    let mistake = #expect(throws: FlowText.Mistake.self) { _ = try FlowText(text) }
    #expect(mistake?.description.contains(explanation) == true, "\(mistake?.description ?? "")")
  }

  /// Puts a packet in.
  private func put(_ frame: consuming Frame, into port: MemoryPort) {
    guard let rejected = port.put(frame) else { return }
    rejected.recycle(.ringFull)
    Issue.record("the port is full")
  }

  @Test func packetsGoWhereWhichSaysTheyGo() throws {
    let configuration = try Configuration.parse(
      """
      version: 1
      memory: {model: page-pool, frames: 2048}
      ports: [{name: in, kind: memory}]
      programs: {d: {kind: swift, type: Drop}}
      entries:
        - {name: w0, cpu: 0, program: d}
        - {name: w1, cpu: 0, program: d}
        - {name: w2, cpu: 0, program: d}
      """, fileName: "f.yaml", machine: nil
    ).configuration
    let wiring = try Wiring(configuration) { _ in }
    let port = try #require(wiring.ports[0].port as? MemoryPort)
    let registry = wiring.datapath.registry
    let pool = try PagePool(registry: registry, pageCount: 256)
    let queue = try registry.registerQueue(port: port.number, queue: 0, memory: pool.memory)
    var expected: [String: UInt64] = [:]
    for number in 0..<60 {
      let tags = ["", "vlan \(number + 1) ", "qinq \(number + 1).\(number + 2) "][number % 3]
      let ends =
        number % 2 == 0
        ? "10.0.0.\(number):1\(number) > 10.1.0.1:53"
        : "[2001:db8::\(number)]:1\(number) > [2001:db8::]:53"
      let explanation = try wiring.which(Parameters(["flow": .string("\(tags)\(ends) udp")]))
      #expect(explanation.there.entry == explanation.back.entry)
      for packet in [explanation.packet, explanation.packet.reply] {
        expected[explanation.there.entry.name, default: 0] += 1
        guard let storage = pool.allocate() else {
          Issue.record("the pool is empty")
          return
        }
        let buff = Buff(
          owning: storage.take(), queue: queue, headroom: pool.headroom,
          byteCount: packet.octets.count)
        // Safe: the packet has as many octets as the buffer was made for.
        unsafe buff.data.copyMemory(from: packet.octets, byteCount: packet.octets.count)
        guard let frame = Frame(buff) else { continue }
        put(frame, into: port)
      }
    }
    try wiring.start()
    while wiring.report(seconds: 0, isQuiet: false).ports[0].rx < 120 { sched_yield() }
    wiring.stop()
    let report = wiring.report(seconds: 0, isQuiet: true)
    #expect(expected.count == 3)
    for entry in report.entries { #expect(entry.processed == expected[entry.id]) }
  }
}
