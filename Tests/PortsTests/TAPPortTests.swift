// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import Datapath
import MemModels
import Plugins
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

@Suite(.requiresNetworkNamespaces)
struct TAPPortTests {
  @Test(arguments: [true, false], SenderOffload.allCases)
  func octetsComeInAndGoOutAsTheyAre(usesRing: Bool, offload: SenderOffload) throws {
    let fixture = try TAPFixture(mtu: 9_000) {
      $0.usesRing = usesRing
      $0.offload = offload
    }
    let socket = try fixture.kernelEnd()
    for byteCount in [14, 60, 61, 1_514, 3_520, 3_521, 7_616, 7_617, 9_014] {
      let frame = makeFrame(byteCount, byteCount: byteCount)
      try socket.send(frame)
      #expect(try fixture.receive(1) == [frame], "\(byteCount) octets in")
      var bulk = FrameBulk()
      bulk.append(try fixture.frame(frame))
      #expect(fixture.port.transmit(&bulk) == 1)
      let isBack = try socket.receive(timeout: .seconds(30)) == frame
      #expect(isBack, "\(byteCount) octets out")
    }
    #expect(fixture.port.status.sent == 9)
    #expect(fixture.port.status.state == .up)
    fixture.expectAllHome()
  }

  /// The kernel leaves checksums to whoever reads a TAP; whoever reads the port finds them finished.
  @Test(arguments: SenderOffload.allCases, [1, 1_000, 8_000])
  func whatTheKernelSendsHasItsChecksum(offload: SenderOffload, byteCount: Int) throws {
    let fixture = try TAPFixture(mtu: 9_000) { $0.offload = offload }
    let socket = try fixture.namespace.run { () -> Socket in
      let interface = try Interface(named: "tap0")
      try interface.addAddress("192.0.2.1/24")
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

  /// Two kernels speak TCP through two ports and a datapath, whatever they leave to be done.
  @Test(arguments: SenderOffload.allCases, [1_500, 9_000])
  func tcpCrossesTwoPorts(offload: SenderOffload, mtu: Int) throws {
    let registry = MemoryRegistry(arena: try Arena())
    var options = TAPOptions()
    options.offload = offload
    options.mtu = mtu
    let finished = options
    let namespaces = (try NetworkNamespace.anonymous(), try NetworkNamespace.anonymous())
    func makePort(
      _ address: String, in namespace: borrowing NetworkNamespace
    ) throws -> (TAPPort, PagePool) {
      try namespace.disableIPv6()
      let pool = try PagePool(registry: registry, pageCount: 4_096, ringCapacity: 4_096)
      let port = try namespace.run {
        let port = try TAPPort(
          name: address, device: "tap0", registry: registry, models: [pool], options: finished)
        try Interface(named: "tap0").addAddress("\(address)/24")
        return port
      }
      return (port, pool)
    }
    let left = try makePort("192.0.2.1", in: namespaces.0)
    let right = try makePort("192.0.2.2", in: namespaces.1)
    let datapath = Datapath(registry: registry)
    let forward = (Forward(to: right.0), Forward(to: left.0))
    for (port, pool, program) in [(left.0, left.1, forward.0), (right.0, right.1, forward.1)] {
      datapath.add(port)
      try datapath.devMap.update(port.number, port)
      try datapath.addLoop(port: port, queue: 0, program: program, named: "forward") {
        pool.adopt()
      }
    }
    try datapath.start()
    let byteCount = 600_000
    let arrived = try TCPTransfer.run(
      byteCount: byteCount, from: namespaces.0, to: namespaces.1, at: "192.0.2.2")
    datapath.stop()
    #expect(arrived == byteCount)
    #expect((forward.0.segmented > 0) == (offload == .segmentation))
    #expect((forward.0.longest > mtu + 14) == (offload == .segmentation))
    for (port, pool) in [left, right] {
      port.close()
      let census = pool.census()
      #expect(census[.free] == census.capacity && census.abandoned == 0, "\(census)")
      #expect(pool.destroy() == nil)
    }
  }

  /// Answers in turn with every verdict there is, and one that is none.
  final class EveryVerdict: PacketProgram, @unchecked Sendable {
    // Safe: run by one thread.
    private var number = 0
    func run(_ packet: inout Buff) -> Verdict {
      defer { number += 1 }
      packet.withMutableBytes { $0.storeBytes(of: 0xee, toByteOffset: 20, as: UInt8.self) }
      return Verdict(rawValue: UInt32(number % 6))
    }
  }

  @Test func aTransmitProgramDecidesBeforeTheReader() throws {
    let fixture = try TAPFixture()
    fixture.port.setTransmitProgram(EveryVerdict(), queue: 0)
    let socket = try fixture.kernelEnd()
    let frames = (0..<60).map { makeFrame($0, byteCount: 100) }
    for frame in frames { try socket.send(frame) }
    func changed(_ frame: [UInt8]) -> [UInt8] {
      var frame = frame
      frame[20] = 0xee
      return frame
    }
    let passed = try fixture.receive(10)
    #expect(passed == stride(from: 2, to: 60, by: 6).map { changed(frames[$0]) })
    var back: [[UInt8]] = []
    for _ in 0..<10 {
      guard let frame = try socket.receive(timeout: .seconds(30)) else { break }
      back.append(frame)
    }
    #expect(back == stride(from: 3, to: 60, by: 6).map { changed(frames[$0]) })
    let tally = fixture.loop.tally
    #expect(tally[.aborted] == 10 && tally[.transmit] == 10)
    // The ten that were passed were dropped by the reader.
    #expect(tally[DropReason.programDrop] == 20)
    #expect(tally[DropReason.redirectDenied] == 10 && tally[DropReason.badVerdict] == 10)
    #expect(tally[.received] == 60)
    fixture.port.setTransmitProgram(nil, queue: 0)
    try socket.send(frames[0])
    #expect(try fixture.receive(1) == [frames[0]])
    fixture.expectAllHome()
  }

  @Test func flowsSpreadOverQueuesAndStayInOrder() throws {
    let fixture = try TAPFixture(queueCount: 3)
    let socket = try fixture.kernelEnd()
    let flows: UInt16 = 32
    for round in 0..<8 {
      for flow in 0..<flows {
        try socket.send(try makeUDPFrame(flow: flow, byteCount: 60 + round))
      }
    }
    var seen: [[UInt8]: [Int]] = [:]
    var counts = [0, 0, 0]
    let deadline = MonotonicClock.now + 30_000_000_000
    while counts.reduce(0, +) < 8 * Int(flows), MonotonicClock.now < deadline {
      for queue in 0..<3 {
        fixture.pools[queue].adopt()
        fixture.loop.poll(fixture.port, queue: queue)
        for packet in fixture.loop.contents {
          seen[Array(packet[34..<36]), default: []].append(packet.count)
          counts[queue] += 1
        }
        fixture.loop.drop()
      }
    }
    #expect(seen.count == Int(flows))
    #expect(seen.values.allSatisfy { $0 == Array(60..<68) })
    #expect(counts.count { $0 > 0 } > 1, "\(counts)")
    fixture.expectAllHome()
  }

  /// The kernel keeps so many packets for a reader, and drops what comes then; nothing is lost without a count.
  @Test func aReaderThatStopsLosesWhatIsCounted() throws {
    let fixture = try TAPFixture()
    let socket = try fixture.kernelEnd()
    for number in 0..<3_000 { try socket.send(makeFrame(number, byteCount: 60)) }
    let dropped = Int(fixture.port.status.kernelDropped)
    #expect(dropped > 0)
    let packets = try fixture.receive(3_000 - dropped)
    #expect(packets == (0..<3_000 - dropped).map { makeFrame($0, byteCount: 60) })
    try socket.send(makeFrame(7, byteCount: 60))
    #expect(try fixture.receive(1) == [makeFrame(7, byteCount: 60)])
    #expect(Int(fixture.port.status.kernelDropped) == dropped)
    fixture.expectAllHome()
  }

  @Test func whatIsTooLongIsRefusedAndHoldsUpNobody() throws {
    let fixture = try TAPFixture()
    let socket = try fixture.kernelEnd()
    let byteCounts = [60, 1_519, 61, 9_000, 1_518]
    var bulk = FrameBulk()
    for byteCount in byteCounts {
      bulk.append(try fixture.frame(makeFrame(byteCount, byteCount: byteCount)))
    }
    #expect(fixture.port.transmit(&bulk) == 3)
    #expect(bulk.count == 2)
    let reasons = (0..<2).map { unsafe DropReason(rawValue: bulk.descriptors[$0].reason) }
    #expect(reasons == [.mtu, .mtu])
    bulk.recycle()
    for byteCount in [60, 61, 1_518] {
      let isNext = try socket.receive(timeout: .seconds(30))?.count == byteCount
      #expect(isNext)
    }
    #expect(fixture.port.status.sent == 3 && fixture.port.status.sendErrors == 2)
    fixture.expectAllHome()
  }

  /// The MTU was raised behind the port's back: what does not fit into the buffers laid out is dropped whole.
  @Test func aPacketLongerThanExpectedIsDroppedAndCounted() throws {
    let fixture = try TAPFixture()
    try fixture.namespace.run { try Interface(named: "tap0").setMTU(9_000) }
    let socket = try fixture.kernelEnd()
    try socket.send(makeFrame(1, byteCount: 9_000))
    try socket.send(makeFrame(2, byteCount: 60))
    #expect(try fixture.receive(1) == [makeFrame(2, byteCount: 60)])
    #expect(fixture.loop.tally[DropReason.truncated] == 1)
    #expect(fixture.loop.tally[.received] == 2)
    fixture.expectAllHome()
  }

  @Test func anEmptyPoolLeavesPacketsInTheKernel() throws {
    let fixture = try TAPFixture(pages: 8)
    let socket = try fixture.kernelEnd()
    for number in 0..<32 { try socket.send(makeFrame(number, byteCount: 60)) }
    var held = FrameBulk()
    while held.count < 8 {
      fixture.loop.poll(fixture.port)
      for position in 0..<fixture.loop.burst.count {
        held.append(fixture.loop.burst.takeAnyway(at: position))
      }
      fixture.loop.burst.removeAll()
    }
    #expect(fixture.loop.poll(fixture.port) == 0)
    held.recycle(.programDrop)
    #expect(try fixture.receive(24) == (8..<32).map { makeFrame($0, byteCount: 60) })
    #expect(fixture.port.status.kernelDropped == 0)
    fixture.expectAllHome()
  }

  @Test func thePortOutlivesItsInterface() throws {
    let fixture = try TAPFixture()
    let (port, namespace) = (fixture.port, fixture.namespace)
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
    try namespace.run { try Interface(named: "tap0").setUp(false) }
    #expect(wait(for: .down))
    #expect(try send() == .portDown)
    try namespace.run { try Interface(named: "tap0").setUp(true) }
    #expect(wait(for: .up))
    #expect(try send() == nil)
    try namespace.run { try Interface(named: "tap0").delete() }
    #expect(wait(for: .gone))
    #expect(port.status.reason == "the interface was deleted")
    #expect(try send() == .portGone)
    // Nobody is woken for nothing, and nobody makes the interface anew.
    let poll = try #require(port.pollDescriptor(queue: 0))
    #expect(try Poll.wait(poll, for: .readable, timeout: .zero) == [])
    #expect(try namespace.run { Interface.exists("tap0") } == false)
    let again = try namespace.run { () -> TAPDevice in
      let made = try TAPDevice(attachingTo: "tap0", .virtualHeader)
      try made.setPersistent(true)
      try Interface(named: "tap0").setUp(true)
      return made
    }
    try again.descriptor.replace(with: FileDescriptor(opening: "/dev/null"))
    #expect(wait(for: .up))
    #expect(try send() == nil)
    let socket = try fixture.kernelEnd()
    try socket.send(makeFrame(5, byteCount: 60))
    #expect(try Poll.wait(poll, for: .readable, timeout: .seconds(30)) == .readable)
    #expect(try fixture.receive(1) == [makeFrame(5, byteCount: 60)])
    fixture.expectAllHome()
  }

  @Test func detachingStopsWhatComesInAndNothingElse() throws {
    let fixture = try TAPFixture()
    let socket = try fixture.kernelEnd()
    try socket.send(makeFrame(1, byteCount: 60))
    fixture.port.detach()
    try? socket.send(makeFrame(2, byteCount: 60))
    #expect(try fixture.receive(1) == [makeFrame(1, byteCount: 60)])
    #expect(fixture.loop.poll(fixture.port) == 0)
    var bulk = FrameBulk()
    bulk.append(try fixture.frame(makeFrame(3, byteCount: 60)))
    #expect(fixture.port.transmit(&bulk) == 1)
    let isOut = try socket.receive(timeout: .seconds(30)) == makeFrame(3, byteCount: 60)
    #expect(isOut)
    fixture.expectAllHome()
    #expect(try fixture.namespace.run { Interface.exists("tap0") } == false)
    #expect(fixture.port.status.state == .closed)
  }

  @Test func whatCannotBeAttachedIsExplained() throws {
    let fixture = try TAPFixture()
    let second = #expect(throws: PortError.self) {
      try fixture.namespace.run {
        try TAPPort(
          name: "b", device: "tap0", registry: fixture.registry, models: fixture.pools)
      }
    }
    #expect(second?.description.contains("another process is attached") == true)
    #expect(second?.errno == .resourceBusy)
    let loopback = #expect(throws: PortError.self) {
      try fixture.namespace.run {
        try TAPPort(name: "b", device: "lo", registry: fixture.registry, models: fixture.pools)
      }
    }
    #expect(loopback?.description.contains("it exists and is no TAP") == true)
    fixture.expectAllHome()
  }
}
