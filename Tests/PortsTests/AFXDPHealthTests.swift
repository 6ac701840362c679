// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Rings
import Synchronization
import TestSupport
import Testing
import XDPFrame

@testable import Ports
@testable import Syscalls

@Suite(.requiresNetworkNamespaces)
struct AFXDPHealthTests {
  @Test func anInterfaceThatGoesDownAndUpIsNoticedAndUsedAgain() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(in: pair.b)
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let loop = Loop()
      for round in 0..<3 {
        try pair.b.run { try pair.right.setUp(false) }
        #expect(loop.maintain(port) { port.status.state == .down })
        #expect(port.status.reason == "the interface is down")
        try loop.appendFrame(of: port)
        #expect(port.transmit(&loop.bulk) == 0)
        let reason = unsafe loop.bulk.descriptors[0].reason
        #expect(reason == DropReason.portDown.rawValue)
        loop.bulk.recycle(.portDown)
        try pair.b.run { try pair.right.setUp(true) }
        #expect(loop.maintain(port) { port.status.state == .up })
        try pair.a.run { try pair.left.waitUntilTransmitting() }
        let frame = makeFrame(round, byteCount: 80)
        try socket.send(frame)
        try #require(loop.wait(for: port))
        #expect(loop.holds([frame]))
        loop.moveToBulk()
        #expect(port.transmit(&loop.bulk) == 1)
        let isBack = try socket.receive() == frame
        #expect(isBack)
      }
      #expect(loop.maintain(port) { port.pools.allSatisfy { $0.census()[.transmit] == 0 } })
      expectAllHome(port)
    }
  }

  /// What can happen to an interface, and what a port says of it afterwards.
  enum Event: CaseIterable {
    case down, deleted, moved, detached

    func happen(to pair: borrowing NamespacePair) throws {
      switch self {
      case .down: try pair.b.run { try pair.right.setUp(false) }
      case .deleted: try pair.b.run { try pair.right.delete() }
      case .moved: try pair.b.run { try pair.right.move(to: pair.a) }
      case .detached:
        try detachByForce(try pair.b.run { try pair.right.state().xdpProgramID })
      }
    }

    var reason: String {
      switch self {
      case .down: "the interface is down"
      case .deleted: "the interface was deleted"
      case .moved: "the interface was moved to another network namespace"
      case .detached: ""
      }
    }
  }

  // Loops maintain their port every tenth of a second, and every maintenance after `checkInterval` is a check: so
  // what the next check notices is noticed within the second promised.
  @Test(arguments: Event.allCases)
  func theNextCheckNotices(event: Event) throws {
    #expect(AFXDPPort.checkInterval <= 400_000_000)
    try withNetworkNamespaces { pair in
      let port = try makePort(in: pair.b)
      #expect(Loop().maintain(port) { port.status.state == .up })
      try event.happen(to: pair)
      port.maintain(queue: 0, at: MonotonicClock.now + AFXDPPort.checkInterval)
      #expect(port.status.reason == event.reason)
      if event == .detached {
        // It was noticed, because it is attached again.
        #expect(try pair.b.run { try pair.right.state().xdpProgramID } != 0)
      }
      expectAllHome(port)
    }
  }

  @Test func aCableWhoseOtherEndIsDownHasNoCarrier() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(in: pair.b)
      let loop = Loop()
      try pair.a.run { try pair.left.setUp(false) }
      #expect(loop.maintain(port) { port.status.state == .down })
      #expect(port.status.reason == "the interface has no carrier")
      try pair.a.run { try pair.left.setUp(true) }
      #expect(loop.maintain(port) { port.status.state == .up })
      expectAllHome(port)
    }
  }

  @Test func anInterfaceThatIsDeletedAndMadeAgainUnderTrafficIsTakenUpAgain() throws {
    let (a, b) = (try NetworkNamespace.anonymous(), try NetworkNamespace.anonymous())
    for namespace in [a, b] { try namespace.disableIPv6() }
    var sent: UInt64 = 0
    var port: AFXDPPort?
    let loop = Loop()
    for round in 0..<4 {
      let pair = try VethPair("left", in: a, peer: "right", in: b)
      if port == nil { port = try makePort(in: b) }
      let port = try #require(port)
      #expect(loop.maintain(port) { port.status.state == .up })
      #expect(port.status.reason == "")
      let socket = try PacketSocket(on: pair.first, in: a)
      for number in 0..<300 {
        try socket.send(makeFrame(number, byteCount: 100))
        sent += 1
        if number % 32 == 0, loop.poll(port) > 0 {
          loop.moveToBulk()
          _ = port.transmit(&loop.bulk)
          loop.bulk.recycle()
        }
      }
      // What was delivered can still be received after the interface has gone.
      if round % 2 == 0 { loop.count(port) }
      _ = consume pair
      #expect(loop.maintain(port) { port.status.state == .gone })
      #expect(port.status.reason == "the interface was deleted")
      try loop.appendFrame(of: port)
      #expect(port.transmit(&loop.bulk) == 0)
      let reason = unsafe loop.bulk.descriptors[0].reason
      #expect(reason == DropReason.portGone.rawValue)
      loop.bulk.recycle()
      loop.count(port)
      #expect(loop.maintain(port) { port.pool(queue: 0).census()[.fill] == 0 })
      let census = port.pool(queue: 0).census()
      #expect(census[.free] == census.capacity, "\(census)")
    }
    let last = try #require(port)
    #expect(loop.tally[.received] + last.status.kernelDropped == sent)
    expectAllHome(last)
  }

  @Test func anInterfaceThatIsMovedAwayIsLetGoAndTakenUpWhenItReturns() throws {
    try withNetworkNamespaces { pair in
      let elsewhere = try NetworkNamespace.anonymous()
      let port = try makePort(in: pair.b)
      let loop = Loop()
      try pair.b.run { try pair.right.move(to: elsewhere) }
      #expect(loop.maintain(port) { port.status.state == .gone })
      #expect(port.status.reason == "the interface was moved to another network namespace")
      // Whoever has it now is not left with a program that leads nowhere.
      let moved = try elsewhere.run { try Interface(named: "right").state() }
      #expect(moved.xdpProgramID == 0)
      try elsewhere.run { try Interface(named: "right").move(to: pair.b) }
      try pair.b.run { try Interface(named: "right").setUp(true) }
      #expect(loop.maintain(port) { port.status.state == .up })
      try pair.a.run { try pair.left.waitUntilTransmitting() }
      let frame = makeFrame(1, byteCount: 80)
      try PacketSocket(on: pair.left, in: pair.a).send(frame)
      try #require(loop.wait(for: port))
      #expect(loop.holds([frame]))
      loop.drop()
      expectAllHome(port)
    }
  }

  @Test func nobodyDetachesOrReplacesTheProgramUnnoticed() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(in: pair.b)
      let error = #expect(throws: SystemCallError.self) {
        try pair.b.run { try pair.right.setXDPProgram(-1) }
      }
      #expect(error?.errno == .resourceBusy)
      let frame = makeFrame(1, byteCount: 80)
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      try socket.send(frame)
      let loop = Loop()
      try #require(loop.wait(for: port))
      loop.drop()
      // Through the link itself it can be done by force: then it is attached again.
      try detachByForce(try pair.b.run { try pair.right.state().xdpProgramID })
      #expect(try pair.b.run { try pair.right.state().xdpProgramID } == 0)
      #expect(
        loop.maintain(port) {
          (try? pair.b.run { try pair.right.state().xdpProgramID }) != 0
        })
      #expect(port.status.state == .up)
      try socket.send(frame)
      try #require(loop.wait(for: port))
      #expect(loop.holds([frame]))
      loop.drop()
      expectAllHome(port)
      #expect(try pair.b.run { try pair.right.state().xdpProgramID } == 0)
    }
  }

  @Test func whileDetachedPacketsGoToTheStack() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(in: pair.b)
      let sender = try PacketSocket(on: pair.left, in: pair.a)
      let stack = try PacketSocket(on: pair.right, in: pair.b)
      let frame = makeFrame(1, byteCount: 80)
      port.detach()
      #expect(port.status.state == .down && port.status.reason == "the port was detached")
      try sender.send(frame)
      let isThere = try stack.receive() == frame
      #expect(isThere)
      try port.attach()
      try sender.send(frame)
      let loop = Loop()
      try #require(loop.wait(for: port))
      loop.drop()
      #expect(try stack.receive(timeout: .milliseconds(50)) == nil)
      expectAllHome(port)
      try sender.send(frame)
      let isBack = try stack.receive() == frame
      #expect(isBack)
    }
  }

  @Test func anInterfaceThatIsDownAtFirstIsWaitedFor() throws {
    try withNetworkNamespaces { pair in
      try pair.b.run { try pair.right.setUp(false) }
      let port = try makePort(in: pair.b)
      #expect(port.status.state == .down)
      try pair.b.run { try pair.right.setUp(true) }
      let loop = Loop()
      #expect(loop.maintain(port) { port.status.state == .up })
      try pair.a.run { try pair.left.waitUntilTransmitting() }
      let frame = makeFrame(1, byteCount: 80)
      try PacketSocket(on: pair.left, in: pair.a).send(frame)
      try #require(loop.wait(for: port))
      #expect(loop.holds([frame]))
      loop.drop()
      expectAllHome(port)
    }
  }

  @Test func aSocketWhoseRingShowsWhatCannotBeIsReplaced() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(in: pair.b)
      let loop = Loop()
      let sender = try PacketSocket(on: pair.left, in: pair.a)
      try sender.send(makeFrame(0, byteCount: 80))
      try #require(loop.wait(for: port))
      port.queues[0].corruptFillRing()
      loop.drop()
      #expect(loop.maintain(port) { port.counters.socketsReplaced == 1 })
      #expect(port.status.state == .up)
      let frame = makeFrame(1, byteCount: 80)
      try sender.send(frame)
      try #require(loop.wait(for: port))
      #expect(loop.holds([frame]))
      loop.moveToBulk()
      #expect(port.transmit(&loop.bulk) == 1)
      #expect(loop.maintain(port) { port.pool(queue: 0).census()[.transmit] == 0 })
      expectAllHome(port)
    }
  }

  @Test func aPortOfSeveralQueuesIsTakenUpAgainByAllOfThem() throws {
    let (a, b) = (try NetworkNamespace.anonymous(), try NetworkNamespace.anonymous())
    for namespace in [a, b] { try namespace.disableIPv6() }
    let registry = MemoryRegistry(arena: try Arena())
    let loop = Loop()
    var port: AFXDPPort?
    for _ in 0..<2 {
      let pair = try VethPair("left", in: a, peer: "right", in: b, queueCount: 4)
      if port == nil {
        let options = smallOptions()
        let umem = try UMEM(
          registry: registry, chunkCount: options.chunkCount(queueCount: 3))
        port = try b.run {
          try AFXDPPort(
            name: "port", device: "right", queues: [0, 3, 1], umem: umem, options: options)
        }
      }
      let port = try #require(port)
      #expect(loop.maintain(port) { port.status.state == .up })
      let sender = try PacketSocket(on: pair.first, in: a)
      let stack = try PacketSocket(on: pair.second, in: b)
      for flow in 0..<200 { try sender.send(try makeUDPFrame(flow: UInt16(flow), byteCount: 64)) }
      let counts = (0..<3).map { loop.count(port, queues: $0..<$0 + 1) }
      #expect(counts.allSatisfy { $0 > 0 })
      var passed = 0
      while try stack.receive(timeout: .milliseconds(20)) != nil { passed += 1 }
      // The queue that is not served goes to the stack.
      #expect(passed > 0 && counts.reduce(passed, +) == 200)
      _ = consume pair
      #expect(loop.maintain(port) { port.status.state == .gone })
    }
    let last = try #require(port)
    #expect(last.status.kernelDropped == 0)
    expectAllHome(last)
  }

  @Test func theMTUFollowsTheInterface() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(in: pair.b)
      #expect(port.status.largestPacket == 1_518)
      try pair.b.run { try pair.right.setMTU(1_400) }
      let loop = Loop()
      #expect(loop.maintain(port) { port.status.largestPacket == 1_418 })
      expectAllHome(port)
    }
  }
}

/// A port on the interface `right` of a namespace.
private func makePort(in namespace: NetworkNamespace) throws -> AFXDPPort {
  let registry = MemoryRegistry(arena: try Arena())
  return try namespace.run {
    try AFXDPPort(name: "port", device: "right", registry: registry, options: smallOptions())
  }
}

extension Loop {
  /// Adds a frame of the port's own memory to the bulk.
  fileprivate func appendFrame(of port: AFXDPPort) throws {
    let pool = port.pool(queue: 0)
    pool.adopt()
    guard let storage = pool.allocate() else { throw PortError("The pool is empty.") }
    let queue = try port.umem.registry.registerQueue(port: 99, queue: 0, memory: pool.memory)
    let buff = Buff(
      owning: storage.take(), queue: queue, headroom: pool.headroom, byteCount: 60)
    if let frame = Frame(buff) { bulk.append(frame) }
  }
}

extension AFXDPQueue {
  /// Moves the kernel's index of the fill ring to where it cannot be.
  fileprivate func corruptFillRing() {
    socket.withLock { slot in
      guard let start = unsafe slot.socket?.fill.baseAddress,
        let offset = slot.socket?.offsets.fr.consumer
      else { return }
      // Safe: the index lies in the mapping, where the kernel says.
      unsafe (start + Int(offset)).assumingMemoryBound(to: Atomic<UInt32>.self)
        .pointee.add(1 << 20, ordering: .relaxed)
    }
  }
}

extension Interface {
  /// What `ip link set dev … xdp off` does, or attaches a program as it does.
  fileprivate func setXDPProgram(_ descriptor: Int32) throws(SystemCallError) {
    var header = ifinfomsg()
    header.ifi_index = Int32(bitPattern: index)
    var request = NetlinkRequest("RTM_SETLINK IFLA_XDP", name, type: RTM_SETLINK, header)
    request.nest(Int(IFLA_XDP) | Int(NLA_F_NESTED)) {
      $0.attribute(IFLA_XDP_FD, descriptor)
      $0.attribute(IFLA_XDP_FLAGS, UInt32(XDP_FLAGS_DRV_MODE))
    }
    var netlink = try NetlinkSocket()
    try netlink.perform(request)
  }
}

/// Ends the attachment of a program, as `bpftool link detach` does.
private func detachByForce(_ program: UInt32) throws {
  var attributes = bpf_attr()
  let size = UInt32(MemoryLayout<bpf_attr>.size)
  while true {
    // Safe: the kernel reads and writes local structures of the sizes that it is told.
    guard unsafe clinux_bpf(Int32(BPF_LINK_GET_NEXT_ID.rawValue), &attributes, size) == 0 else {
      throw PortError("No link attaches the program.")
    }
    let id = attributes.next_id
    var open = bpf_attr()
    open.link_id = id
    let link = unsafe Int32(clinux_bpf(Int32(BPF_LINK_GET_FD_BY_ID.rawValue), &open, size))
    attributes.start_id = id
    guard link >= 0 else { continue }
    defer { close(link) }
    var information = bpf_link_info()
    let isFound = unsafe withUnsafeMutablePointer(to: &information) { information in
      var query = bpf_attr()
      unsafe query.info.bpf_fd = UInt32(link)
      unsafe query.info.info_len = UInt32(MemoryLayout<bpf_link_info>.size)
      unsafe query.info.info = UInt64(UInt(bitPattern: information))
      return unsafe clinux_bpf(Int32(BPF_OBJ_GET_INFO_BY_FD.rawValue), &query, size) == 0
        && information.pointee.type == BPF_LINK_TYPE_XDP.rawValue
        && information.pointee.prog_id == program
    }
    guard isFound else { continue }
    var detach = bpf_attr()
    unsafe detach.link_detach.link_fd = UInt32(link)
    guard unsafe clinux_bpf(Int32(BPF_LINK_DETACH.rawValue), &detach, size) == 0 else {
      throw PortError("The link cannot be detached.")
    }
    return
  }
}
