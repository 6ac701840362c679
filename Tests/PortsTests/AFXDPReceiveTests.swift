// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Ports
import Syscalls
import TestSupport
import Testing
import XDPFrame

@Suite(.requiresNetworkNamespaces)
struct AFXDPReceiveTests {
  @Test func everyFrameSentIsReceivedOrCountedByTheKernel() throws {
    try withNetworkNamespaces { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let port = try pair.b.run {
        try AFXDPPort(name: "in", device: "right", registry: registry, options: smallOptions())
      }
      let sender = try PacketSocket(on: pair.left, in: pair.a)
      let loop = Loop()
      let rounds = 40
      for round in 0..<rounds {
        for number in 0..<64 { try sender.send(makeFrame(round * 64 + number, byteCount: 64)) }
        loop.count(port, quiet: .milliseconds(1))
      }
      loop.count(port)
      // Then more than the rings hold, with nobody receiving.
      for number in 0..<1_000 { try sender.send(makeFrame(number, byteCount: 64)) }
      loop.count(port)
      let status = port.status
      let sent = UInt64(rounds * 64 + 1_000)
      #expect(loop.tally[.received] + status.kernelDropped == sent)
      #expect(status.kernelDropped > 0)
      #expect(loop.tally[.received] == loop.tally[.programDrop])
      #expect(status.state == .up && status.reason == "")
      #expect(port.modeDescription == "native, copy")
      expectAllHome(port)
    }
  }

  @Test(arguments: [2_048, 4_096], [14, 60, 1_500, 1_792])
  func aFrameOfOneChunkArrivesOctetForOctet(chunk: Int, byteCount: Int) throws {
    try withNetworkNamespaces(mtu: 1_774) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let port = try pair.b.run {
        try AFXDPPort(
          name: "in", device: "right", registry: registry, chunkByteCount: chunk,
          options: smallOptions())
      }
      let sender = try PacketSocket(on: pair.left, in: pair.a)
      var frame = makeFrame(7, byteCount: byteCount)
      // Up to four octets beyond the MTU are for a VLAN tag.
      if byteCount > 1_788 { frame.replaceSubrange(12..<14, with: [0x81, 0x00]) }
      try sender.send(frame)
      let loop = Loop()
      try #require(loop.wait(for: port))
      let (headroom, number) = (loop.burst[0].headroom, loop.burst[0].queue.port)
      #expect(headroom == 256 && number == port.number)
      let hasFragments = loop.burst[0].hasFragments
      #expect(!hasFragments)
      #expect(loop.holds([frame]))
      loop.drop()
      expectAllHome(port)
    }
  }

  @Test(arguments: [
    (4_096, [3_840, 3_840, 1_334]), (2_048, [1_792, 1_792, 1_792, 1_792, 1_792, 54]),
  ])
  func aJumboFrameArrivesAsAChain(chunk: Int, lengths: [Int]) throws {
    try withNetworkNamespaces(mtu: 9_000) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let port = try pair.b.run {
        try AFXDPPort(
          name: "in", device: "right", registry: registry, chunkByteCount: chunk,
          options: smallOptions(multiBuffer: true))
      }
      let sender = try PacketSocket(on: pair.left, in: pair.a)
      let loop = Loop()
      for number in 0..<200 {
        let frame = makeFrame(number, byteCount: 9_014)
        try sender.send(frame)
        try #require(loop.wait(for: port), "frame \(number): \(port.counters)")
        #expect(loop.holds([frame]))
        let fragments = (0..<loop.burst[0].fragmentCount).compactMap {
          loop.burst[0].fragment(at: $0).map { Int($0.byteCount) }
        }
        #expect([loop.burst[0].linearByteCount] + fragments == lengths)
        #expect(port.pool(queue: 0).census()[.receive] == lengths.count)
        loop.drop()
      }
      #expect(port.status.kernelDropped == 0)
      expectAllHome(port)
    }
  }

  @Test func withoutMultiBufferAJumboMTUIsRefusedWithTheFix() throws {
    try withNetworkNamespaces(mtu: 9_000) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let error = #expect(throws: AFXDPError.self) {
        try pair.b.run {
          _ = try AFXDPPort(name: "in", device: "right", registry: registry)
        }
      }
      #expect(error?.description.contains("ip link set dev right mtu 3822") == true)
    }
  }

  @Test func everyQueueReceivesItsOwn() throws {
    try withNetworkNamespaces(queueCount: 2) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let port = try pair.b.run {
        try AFXDPPort(
          name: "in", device: "right", queueCount: 2, registry: registry, options: smallOptions())
      }
      let sender = try PacketSocket(on: pair.left, in: pair.a)
      let loop = Loop()
      for flow in 0..<100 { try sender.send(try makeUDPFrame(flow: UInt16(flow), byteCount: 100)) }
      let first = loop.count(port, queues: 0..<1)
      let second = loop.count(port, queues: 1..<2)
      #expect(first + second == 100)
      #expect(first > 0 && second > 0)
      #expect(port.status.kernelDropped == 0)
      expectAllHome(port)
    }
  }

  @Test func theDescriptorPollsReadableWhilePacketsWait() throws {
    try withNetworkNamespaces { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let port = try pair.b.run {
        try AFXDPPort(name: "in", device: "right", registry: registry, options: smallOptions())
      }
      let descriptor = try #require(port.pollDescriptor(queue: 0))
      #expect(try Poll.wait(descriptor, for: .readable, timeout: .zero) == [])
      try PacketSocket(on: pair.left, in: pair.a).send(makeFrame(1, byteCount: 60))
      #expect(try Poll.wait(descriptor, for: .readable, timeout: .seconds(5)) == .readable)
      let loop = Loop()
      loop.poll(port)
      loop.drop()
      #expect(try Poll.wait(descriptor, for: .readable, timeout: .zero) == [])
      expectAllHome(port)
    }
  }

  @Test func aFrameOutlivesItsPortAndThenComesHome() throws {
    try withNetworkNamespaces { pair in
      let arena = try Arena()
      let registry = MemoryRegistry(arena: arena)
      let before = arena.freeByteCounts
      let port = try pair.b.run {
        try AFXDPPort(name: "in", device: "right", registry: registry, options: smallOptions())
      }
      try PacketSocket(on: pair.left, in: pair.a).send(makeFrame(1, byteCount: 60))
      let loop = Loop()
      try #require(loop.wait(for: port))
      let drains = port.close()
      #expect(drains.map(\.outstanding) == [1])
      #expect(drains.first?.holders == [.receive: 1])
      #expect(port.status.state == .closed)
      #expect(loop.holds([makeFrame(1, byteCount: 60)]))
      loop.drop()
      expectAllHome(port)
      #expect(arena.freeByteCounts.arena < before.arena)
    }
  }
}
