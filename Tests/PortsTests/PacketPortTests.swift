// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import Datapath
import MemModels
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

@Suite(.requiresNetworkNamespaces)
struct PacketPortTests {
  /// A packet-socket port at one end of a cable, in namespace `b` on the interface `right`.
  final class Fixture {
    let registry: MemoryRegistry
    let pools: [PagePool]
    let pair: NamespacePair
    let port: PacketPort
    let loop = Loop()

    init(
      queueCount: Int = 1, mtu: UInt32 = 1_500, registry shared: MemoryRegistry? = nil,
      _ change: (inout PacketOptions) -> Void = { _ in }
    ) throws {
      let registry = try shared ?? MemoryRegistry(arena: try Arena())
      self.registry = registry
      let pools = try (0..<queueCount).map { _ in
        try PagePool(registry: registry, pageCount: 4_096, ringCapacity: 4_096)
      }
      self.pools = pools
      let pair = try NamespacePair(mtu: mtu)
      var options = PacketOptions()
      change(&options)
      let finished = options
      port = try pair.b.run {
        try PacketPort(
          name: "p", device: "right", registry: registry, models: pools, options: finished)
      }
      self.pair = pair
    }

    func farEnd() throws -> PacketSocket { try PacketSocket(on: pair.left, in: pair.a) }

    /// Receives until so many packets have come; answers their octets and sends them home.
    func receive(_ count: Int) throws -> [[UInt8]] {
      var packets: [[UInt8]] = []
      let deadline = MonotonicClock.now + 30_000_000_000
      while packets.count < count, MonotonicClock.now < deadline {
        loop.poll(port)
        packets += loop.contents
        loop.drop()
      }
      return packets
    }

    func frame(_ octets: [UInt8]) throws -> Frame {
      guard let frame = Frame(octets: octets, from: pools[0]) else {
        throw MemoryFixture.Missing.page
      }
      return frame
    }

    func expectAllHome(sourceLocation: SourceLocation = #_sourceLocation) {
      port.close()
      for pool in pools {
        let census = pool.census()
        #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
        #expect(census.doubleFree == 0 && census.abandoned == 0, sourceLocation: sourceLocation)
        #expect(pool.destroy() == nil, sourceLocation: sourceLocation)
      }
    }
  }

  /// The kernel takes VLAN tags out of what it hands to a socket; the port puts them back.
  @Test(arguments: [UInt16(0x8100), 0x88a8])
  func vlanTagsComeBack(kind: UInt16) throws {
    let fixture = try Fixture()
    let socket = try fixture.farEnd()
    let plain = makeFrame(1, byteCount: 1_000)
    let tag = [UInt8(kind >> 8), UInt8(kind & 0xff), 0x60, 0x64]
    let tagged = Array(plain[..<12]) + tag + plain[12...]
    try socket.send(tagged)
    let packets = try fixture.receive(1)
    #expect(packets == [tagged])
    var bulk = FrameBulk()
    bulk.append(try fixture.frame(tagged))
    #expect(fixture.port.transmit(&bulk) == 1)
    fixture.expectAllHome()
  }

  @Test(arguments: [SenderOffload.checksum, .segmentation], [1, 1_000, 8_000])
  func whatTheKernelSendsHasItsChecksum(offload: SenderOffload, byteCount: Int) throws {
    let fixture = try Fixture(mtu: 9_000) { $0.offload = offload }
    let left = fixture.pair.left
    let socket = try fixture.pair.a.run { () -> Socket in
      try left.setOffload(.transmitChecksum, true)
      try left.addAddress("192.0.2.1/24")
      let socket = try Socket(.ipv4, .datagram)
      try socket.setOption("SO_BROADCAST", level: SOL_SOCKET, SO_BROADCAST, Int32(1))
      var address = sockaddr_in()
      address.sin_family = UInt16(AF_INET)
      address.sin_port = UInt16(9).bigEndian
      address.sin_addr.s_addr = UInt32(0xc000_02ff).bigEndian
      try socket.connect(address)
      return socket
    }
    let payload = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    // Safe: the array lives until the call returns.
    let sent = try unsafe payload.withUnsafeBytes { try unsafe socket.send($0) }
    #expect(sent == byteCount)
    let packet = try #require(try fixture.receive(1).first)
    #expect(Array(packet[42..<42 + byteCount]) == payload)
    let verification = Checksum.verify(unsafe packet.span.bytes)
    #expect(verification == .valid)
    fixture.expectAllHome()
  }

  /// Two kernels speak TCP through two ports and a datapath.
  @Test(arguments: SenderOffload.allCases, [1_500, 9_000])
  func tcpCrossesTwoPorts(offload: SenderOffload, mtu: Int) throws {
    let registry = MemoryRegistry(arena: try Arena())
    func makeFixture(_ address: String) throws -> Fixture {
      let fixture = try Fixture(mtu: UInt32(mtu), registry: registry) { $0.offload = offload }
      let left = fixture.pair.left
      try fixture.pair.a.run {
        try left.setOffload(.transmitChecksum, offload != .none)
        try left.setOffload(.tcpSegmentation, offload == .segmentation)
        try left.setOffload(.genericSegmentation, offload == .segmentation)
        try left.addAddress("\(address)/24")
      }
      return fixture
    }
    let (one, other) = (try makeFixture("192.0.2.1"), try makeFixture("192.0.2.2"))
    let datapath = Datapath(registry: registry)
    let (there, back) = (Forward(to: other.port), Forward(to: one.port))
    for (fixture, program) in [(one, there), (other, back)] {
      let pool = fixture.pools[0]
      datapath.add(fixture.port)
      try datapath.devMap.update(fixture.port.number, fixture.port)
      try datapath.addLoop(port: fixture.port, queue: 0, program: program, named: "forward") {
        pool.adopt()
      }
    }
    try datapath.start()
    let byteCount = 600_000
    let arrived = try TCPTransfer.run(
      byteCount: byteCount, from: one.pair.a, to: other.pair.a, at: "192.0.2.2")
    datapath.stop()
    #expect(arrived == byteCount)
    #expect((there.segmented > 0) == (offload == .segmentation))
    #expect((there.longest > mtu + 14) == (offload == .segmentation))
    one.expectAllHome()
    other.expectAllHome()
  }

  /// A packet that is still to be cut reaches nobody who could not send it on.
  @Test func whatIsStillToBeCutIsDroppedWhereNobodyAskedForIt() throws {
    let fixture = try Fixture()
    let left = fixture.pair.left
    let socket = try fixture.pair.a.run { () -> Socket in
      for offload in [Offload.transmitChecksum, .scatterGather, .tcpSegmentation] {
        try left.setOffload(offload, true)
      }
      let socket = try Socket(.packet, .raw)
      try socket.setOption("PACKET_VNET_HDR", level: SOL_PACKET, PACKET_VNET_HDR, Int32(1))
      var address = sockaddr_ll()
      address.sll_family = UInt16(AF_PACKET)
      address.sll_protocol = UInt16(ETH_P_ALL).bigEndian
      address.sll_ifindex = Int32(bitPattern: left.index)
      try socket.bind(address)
      return socket
    }
    let packet = PacketBuilder.octets(capacity: 9_000) {
      $0.ethernet()
      $0.ipv4(source: IPv4Address(192, 0, 2, 1), destination: IPv4Address(192, 0, 2, 2))
      $0.tcp(source: 1, destination: 9)
      $0.payload(byteCount: 8_000)
    }
    // Checksum wanted, TCP over IPv4, 54 octets of headers, segments of 1,400, sums from 34 on, at 16.
    let header: [UInt8] = [1, 1, 54, 0, 0x78, 5, 34, 0, 16, 0]
    // Safe: the array lives until the call returns.
    let sent = try unsafe (header + packet).withUnsafeBytes { try unsafe socket.send($0) }
    #expect(sent == header.count + packet.count)
    let deadline = MonotonicClock.now + 30_000_000_000
    while fixture.loop.tally[.received] == 0, MonotonicClock.now < deadline {
      fixture.loop.poll(fixture.port)
    }
    #expect(fixture.loop.tally[DropReason.mtu] == 1)
    #expect(fixture.loop.burst.count == 0)
    fixture.expectAllHome()
  }

  @Test func flowsSpreadOverSocketsAndEveryPacketComesOnce() throws {
    let fixture = try Fixture(queueCount: 3)
    let socket = try fixture.farEnd()
    for place in 0..<8 {
      for flow in 0..<32 {
        try socket.send(
          NumberedPacket(flow: UInt32(flow), place: UInt32(place)).octets(byteCount: 90))
      }
    }
    var check = NumberedPacketCheck()
    var counts = [0, 0, 0]
    let deadline = MonotonicClock.now + 30_000_000_000
    while counts.reduce(0, +) < 256, MonotonicClock.now < deadline {
      for queue in 0..<3 {
        fixture.pools[queue].adopt()
        fixture.loop.poll(fixture.port, queue: queue)
        for packet in fixture.loop.contents {
          check.see(unsafe packet.span.bytes)
          counts[queue] += 1
        }
        fixture.loop.drop()
      }
    }
    #expect(check.intact == 256 && check.damaged == 0)
    #expect(counts.count { $0 > 0 } > 1, "\(counts)")
    fixture.expectAllHome()
  }

  @Test func aReaderThatStopsLosesWhatIsCounted() throws {
    let fixture = try Fixture { $0.receiveByteCount = 1 << 19 }
    let socket = try fixture.farEnd()
    let total = 2_000
    for number in 0..<total { try socket.send(makeFrame(number, byteCount: 1_000)) }
    let dropped = Int(fixture.port.status.kernelDropped)
    #expect(dropped > 0)
    let packets = try fixture.receive(total - dropped)
    #expect(packets == (0..<total - dropped).map { makeFrame($0, byteCount: 1_000) })
    try socket.send(makeFrame(7, byteCount: 60))
    #expect(try fixture.receive(1) == [makeFrame(7, byteCount: 60)])
    #expect(Int(fixture.port.status.kernelDropped) == dropped)
    fixture.expectAllHome()
  }

  @Test func thePortOutlivesItsInterface() throws {
    let fixture = try Fixture(queueCount: 2)
    let (port, pair) = (fixture.port, fixture.pair.right)
    func wait(for state: PortStatus.State) -> Bool {
      fixture.loop.maintain(port) { port.status.state == state }
    }
    func send() throws -> DropReason? {
      var bulk = FrameBulk()
      bulk.append(try fixture.frame(makeFrame(1, byteCount: 60)))
      let count = port.transmit(&bulk)
      defer { bulk.recycle() }
      return count == 1 ? nil : unsafe DropReason(rawValue: bulk.descriptors[0].reason)
    }
    try fixture.pair.b.run { try pair.setUp(false) }
    #expect(wait(for: .down))
    #expect(try send() == .portDown)
    try fixture.pair.b.run { try pair.setUp(true) }
    #expect(wait(for: .up))
    #expect(try send() == nil)
    try fixture.pair.b.run { try pair.delete() }
    #expect(wait(for: .gone))
    #expect(port.status.reason == "the interface was deleted")
    #expect(try send() == .portGone)
    let poll = try #require(port.pollDescriptor(queue: 0))
    // Each queue lets its socket go when its own thread has seen it.
    let isSilent = fixture.loop.maintain(port) {
      (try? Poll.wait(poll, for: .readable, timeout: .zero)) == []
    }
    #expect(isSilent)
    let cable = try VethPair("left", in: fixture.pair.a, peer: "right", in: fixture.pair.b)
    #expect(wait(for: .up))
    #expect(try send() == nil)
    let socket = try PacketSocket(on: cable.first, in: fixture.pair.a)
    var seen = 0
    for flow in 0..<32 { try socket.send(try makeUDPFrame(flow: UInt16(flow), byteCount: 60)) }
    let deadline = MonotonicClock.now + 30_000_000_000
    while seen < 32, MonotonicClock.now < deadline {
      for queue in 0..<2 {
        fixture.pools[queue].adopt()
        seen += fixture.loop.poll(port, queue: queue)
        fixture.loop.drop()
      }
    }
    #expect(seen == 32)
    fixture.expectAllHome()
  }

  @Test func detachingStopsWhatComesInAndNothingElse() throws {
    let fixture = try Fixture()
    let socket = try fixture.farEnd()
    try socket.send(makeFrame(1, byteCount: 60))
    fixture.port.detach()
    try socket.send(makeFrame(2, byteCount: 60))
    #expect(try fixture.receive(1) == [makeFrame(1, byteCount: 60)])
    #expect(fixture.loop.poll(fixture.port) == 0)
    var bulk = FrameBulk()
    bulk.append(try fixture.frame(makeFrame(3, byteCount: 60)))
    #expect(fixture.port.transmit(&bulk) == 1)
    let isOut = try socket.receive(timeout: .seconds(30)) == makeFrame(3, byteCount: 60)
    #expect(isOut)
    fixture.expectAllHome()
  }

  @Test func headersAreSplitFromTheirPayload() throws {
    let fixture = try Fixture(mtu: 9_000) { $0.mode = .headerSplit }
    let socket = try fixture.farEnd()
    let packet = NumberedPacket(flow: 1, place: 2).octets(byteCount: 9_000)
    try socket.send(packet)
    #expect(fixture.loop.wait(for: fixture.port, limit: .seconds(30)))
    #expect(fixture.loop.burst[0].linearByteCount == 42)
    #expect(fixture.loop.burst[0].fragmentCount == 3)
    #expect(fixture.loop.holds([packet]))
    fixture.loop.drop()
    fixture.expectAllHome()
  }
}
