// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Ports
import Testing
import XDPFrame

@Suite struct MemoryPortTests {
  @Test func whatIsPutInIsReceivedInOrderWithoutACopy() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry)
    var places: [UInt32] = []
    for octet in 0..<5 as Range<UInt8> {
      let frame = try fixture.frame(octet)
      places.append(frame.descriptor.index)
      if let refused = port.put(frame) { refused.recycle(.ringFull) }
    }
    var burst = Burst()
    port.receive(&burst, queue: 0, budget: 64, tally: fixture.tally)
    #expect(burst.count == 5)
    for position in 0..<burst.count {
      #expect(burst[position].descriptor.index == places[position])
      #expect(burst[position].queue.port == port.number)
      #expect(burst[position].descriptor.owner == .receive)
      burst.takeHome(at: position).recycle(.programDrop)
    }
    burst.removeAll()
    #expect(fixture.isWhole)
  }

  @Test(arguments: [1, 7, 64])
  func noMoreThanTheBudgetIsReceived(budget: Int) throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry)
    for octet in 0..<100 as Range<UInt8> {
      if let refused = port.put(try fixture.frame(octet)) { refused.recycle(.ringFull) }
    }
    var received: [UInt8] = []
    while true {
      let packets = fixture.receive(port, budget: budget)
      guard !packets.isEmpty else { break }
      #expect(packets.count <= budget)
      received += packets.map { $0[0] }
    }
    #expect(received == Array(0..<100))
    #expect(fixture.isWhole)
  }

  @Test func queuesAreSeparate() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry, queueCount: 3)
    for queue in 0..<3 {
      if let refused = port.put(try fixture.frame(UInt8(queue)), queue: queue) {
        refused.recycle(.ringFull)
      }
    }
    for queue in [2, 0, 1] {
      #expect(fixture.receive(port, queue: queue).map { $0[0] } == [UInt8(queue)])
    }
    #expect(port.queueCount == 3)
    #expect(fixture.isWhole)
  }

  @Test func aFullQueueHandsTheFrameBack() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry, capacity: 2)
    var refusals = 0
    for octet in 0..<3 as Range<UInt8> {
      let frame = try fixture.frame(octet)
      frame.descriptor.setOwner(.worker, number: 4)
      guard let refused = port.put(frame) else { continue }
      #expect(refused.descriptor.owner == .worker)
      #expect(refused.descriptor.ownerNumber == 4)
      refused.recycle(.ringFull)
      refusals += 1
    }
    #expect(refusals == 1)
    port.close()
    #expect(fixture.isWhole)
  }

  @Test(arguments: [60, 3_520, 3_521, 9_000, Limits.packet])
  func octetsAreReceivedIntoTheModel(byteCount: Int) throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry, models: [fixture.pool])
    let octets = (0..<byteCount).map { UInt8($0 % 251) }
    #expect(port.put(octets))
    #expect(fixture.pool.outstanding == 0)
    #expect(fixture.receive(port) == [octets])
    #expect(fixture.isWhole)
  }

  /// Records wrap round the end of the queue in every way while packets of all lengths pass.
  @Test func octetsKeepTheirOrderAndTheirBounds() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry, models: [fixture.pool])
    var put = 0
    var taken = 0
    while taken < 2_000 {
      while put < 2_000, port.put(packet(put)) { put += 1 }
      for octets in fixture.receive(port) {
        #expect(octets == packet(taken))
        taken += 1
      }
    }
    #expect(fixture.receive(port).isEmpty)
    #expect(fixture.tally.dropped == 0)
    #expect(fixture.isWhole)
  }

  /// A packet whose length and octets follow from its number.
  private func packet(_ number: Int) -> [UInt8] {
    let byteCount = 1 + number * number % 9_000
    return [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: byteCount)
  }

  @Test func octetsForWhichThereIsNoBufferAreReceivedAndDropped() throws {
    let fixture = try MemoryFixture(pages: 4)
    let port = try MemoryPort(name: "in", registry: fixture.registry, models: [fixture.pool])
    for octet in 0..<3 as Range<UInt8> {
      #expect(port.put([UInt8](repeating: octet, count: 9_000)))
    }
    #expect(fixture.receive(port, budget: 2).map { $0[0] } == [0])
    #expect(fixture.tally[.received] == 1)
    #expect(fixture.tally[.receivedBytes] == 9_000)
    #expect(fixture.tally[DropReason.poolEmpty] == 1)
    #expect(fixture.receive(port).map { $0[0] } == [2])
    #expect(fixture.isWhole)
  }

  @Test func octetsBeyondWhatAPacketMayHaveAreRefused() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry, models: [fixture.pool])
    #expect(!port.put([]))
    #expect(!port.put([UInt8](repeating: 0, count: Limits.packet + 1)))
    #expect(fixture.receive(port).isEmpty)
  }

  @Test func aWireIsBounded() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry, models: [fixture.pool])
    let octets = [UInt8](repeating: 0, count: 1_000)
    var count = 0
    while port.put(octets) { count += 1 }
    // 8 octets of a record's header beside each packet.
    #expect(count == (1 << 20) / 1_008)
    port.close()
  }

  @Test func framesAreSentInOrderAndTakenOut() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "out", registry: fixture.registry)
    var bulk = try fixture.bulk(10)
    #expect(port.transmit(&bulk) == 10)
    #expect(bulk.isEmpty == true)
    #expect(port.sentCount == 10)
    #expect(fixture.pool.census()[.transmit] == 10)
    #expect(takeSent(port).map { $0[0] } == Array(0..<10))
    #expect(port.status.sent == 10)
    #expect(port.status.sendErrors == 0)
    #expect(fixture.isWhole)
  }

  @Test func whatTheQueueHasNoRoomForStaysTheCallers() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "out", registry: fixture.registry, capacity: 6)
    var bulk = try fixture.bulk(10)
    for position in 0..<10 { unsafe bulk.descriptors[position].setOwner(.worker, number: 3) }
    #expect(port.transmit(&bulk) == 6)
    #expect(bulk.count == 4)
    for position in 0..<4 {
      let frame = unsafe bulk.descriptors[position]
      #expect(frame.reason == DropReason.transmitFull.rawValue)
      #expect(frame.owner == .worker && frame.ownerNumber == 3)
    }
    bulk.recycle()
    #expect(takeSent(port).map { $0[0] } == Array(0..<6))
    #expect(port.status.sendErrors == 4)
    #expect(fixture.isWhole)
  }

  @Test func aFrameThatMayNotBeSentDoesNotHoldUpTheOthers() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(
      name: "out", registry: fixture.registry, mtu: 1_500, sendsFragments: false)
    var bulk = FrameBulk()
    for (octet, byteCount) in [60, 1_519, 1_518, 9_000, 61, 1_600, 62].enumerated() {
      bulk.append(try fixture.frame(UInt8(octet), byteCount: byteCount))
    }
    #expect(port.transmit(&bulk) == 4)
    let reasons = (0..<bulk.count).map { unsafe bulk.descriptors[$0].reason }
    #expect(
      reasons == [
        DropReason.mtu.rawValue, DropReason.redirectNoFragments.rawValue, DropReason.mtu.rawValue,
      ])
    bulk.recycle()
    #expect(takeSent(port).map { $0[0] } == [0, 2, 4, 6])
    #expect(fixture.isWhole)
  }

  @Test func aFullQueueAndAnUnsendableFrameEachGiveTheirReason() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(
      name: "out", registry: fixture.registry, capacity: 1, mtu: 1_500)
    var bulk = FrameBulk()
    for (octet, byteCount) in [2_000, 60, 61].enumerated() {
      bulk.append(try fixture.frame(UInt8(octet), byteCount: byteCount))
    }
    #expect(port.transmit(&bulk) == 1)
    let reasons = (0..<bulk.count).map { unsafe bulk.descriptors[$0].reason }
    #expect(reasons == [DropReason.transmitFull.rawValue, DropReason.mtu.rawValue])
    bulk.recycle()
    port.close()
    #expect(fixture.isWhole)
  }

  @Test func whatOneOfAPairSendsTheOtherReceives() throws {
    let fixture = try MemoryFixture()
    let (left, right) = try MemoryPort.pair("left", "right", registry: fixture.registry)
    #expect(left.status.largestPacket == 1_518)
    for (sender, receiver) in [(left, right), (right, left)] {
      var bulk = try fixture.bulk(5)
      #expect(sender.transmit(&bulk) == 5)
      var burst = Burst()
      receiver.receive(&burst, queue: 0, budget: 64, tally: fixture.tally)
      #expect(burst.count == 5)
      for position in 0..<burst.count {
        #expect(burst[position].queue.port == receiver.number)
        burst.takeHome(at: position).recycle(.programDrop)
      }
      burst.removeAll()
    }
    left.close()
    #expect(fixture.isWhole)
  }

  @Test func aThreadsFramesStayInOneQueueOfThePeer() throws {
    let fixture = try MemoryFixture()
    let (left, right) = try MemoryPort.pair(
      "left", "right", registry: fixture.registry, queueCount: 4)
    for _ in 0..<3 {
      var bulk = try fixture.bulk(10)
      #expect(left.transmit(&bulk) == 10)
    }
    let counts = (0..<4).map { fixture.receive(right, queue: $0).count }
    #expect(counts.sorted() == [0, 0, 0, 30])
    left.part()
    var bulk = try fixture.bulk(1)
    #expect(left.transmit(&bulk) == 1)
    #expect(left.sentCount == 1)
    left.close()
    #expect(fixture.isWhole)
  }

  @Test func aClosedPortRefusesAndEmptiesItsQueues() throws {
    let fixture = try MemoryFixture()
    let (left, right) = try MemoryPort.pair("left", "right", registry: fixture.registry)
    var bulk = try fixture.bulk(3)
    #expect(left.transmit(&bulk) == 3)
    right.close()
    #expect(fixture.isWhole)
    #expect(right.status.state == .closed)
    let frame = try fixture.frame(1)
    if let refused = right.put(frame) {
      refused.recycle(.shutdown)
    } else {
      Issue.record("A closed port took a frame.")
    }
    bulk = try fixture.bulk(1)
    #expect(right.transmit(&bulk) == 0)
    #expect(unsafe bulk.descriptors[0].reason == DropReason.portGone.rawValue)
    bulk.recycle()
    // The other one stands alone now.
    #expect(left.status.state == .up)
    bulk = try fixture.bulk(1)
    #expect(left.transmit(&bulk) == 1)
    left.close()
    #expect(fixture.isWhole)
  }

  @Test func aSlotThatIsStaleIsCountedAndNotFollowed() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry)
    let frame = try fixture.frame(1)
    let descriptor = frame.descriptor
    if let refused = port.put(frame) { refused.recycle(.ringFull) }
    // Somebody else ends the frame that lies in the queue.
    Frame(owning: descriptor).recycle(.poison)
    #expect(fixture.receive(port).isEmpty)
    #expect(fixture.tally[.stale] == 1)
    #expect(fixture.isWhole)
  }

  @Test func impossibleNumbersAreRefused() throws {
    let fixture = try MemoryFixture()
    let registry = fixture.registry
    #expect(throws: PortError.self) {
      try MemoryPort(name: "p", registry: registry, queueCount: 0)
    }
    #expect(throws: PortError.self) {
      try MemoryPort(name: "p", registry: registry, capacity: 16_385)
    }
    #expect(throws: PortError.self) { try MemoryPort(name: "p", registry: registry, mtu: 0) }
    #expect(throws: PortError.self) {
      try MemoryPort(name: "p", registry: registry, queueCount: 2, models: [fixture.pool])
    }
  }

  @Test func aPortThatCannotBeMadeLeavesNoQueueBehind() throws {
    let fixture = try MemoryFixture()
    let first = try MemoryPort(name: "a", registry: fixture.registry, queueCount: 1_000)
    #expect(throws: PortError.self) {
      try MemoryPort(name: "b", registry: fixture.registry, queueCount: 100)
    }
    let third = try MemoryPort(name: "c", registry: fixture.registry, queueCount: 23)
    #expect(first.queueCount + third.queueCount == ReceiveQueueInfo.limit - 1)
  }

  @Test func portsOfDifferentArenasAreNotJoined() async {
    await #expect(processExitsWith: .failure) {
      let one = try MemoryFixture()
      let other = try MemoryFixture()
      MemoryPort.join(
        try MemoryPort(name: "a", registry: one.registry),
        try MemoryPort(name: "b", registry: other.registry))
    }
    await #expect(processExitsWith: .failure) {
      let fixture = try MemoryFixture()
      let port = try MemoryPort(name: "a", registry: fixture.registry)
      _ = port.put([UInt8](repeating: 0, count: 60))
    }
  }
}
