// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Ports
import Synchronization
import Syscalls
import TestSupport
import Testing
import XDPFrame

@Suite(.requiresNetworkNamespaces)
struct AFXDPTransmitTests {
  @Test(arguments: [2_048, 4_096], [60, 1_514, 9_014])
  func whatIsReceivedIsSentBackOctetForOctet(chunk: Int, byteCount: Int) throws {
    try withNetworkNamespaces(mtu: 9_000) { pair in
      let port = try makePort(pair, chunk: chunk)
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let loop = Loop()
      let frames = (0..<150).map { makeFrame($0, byteCount: byteCount) }
      for frame in frames {
        try socket.send(frame)
        try #require(loop.wait(for: port))
        loop.moveToBulk()
        #expect(port.transmit(&loop.bulk) == 1)
        let isEmpty = loop.bulk.isEmpty
        #expect(isEmpty)
        let isBack = try socket.receive() == frame
        #expect(isBack)
      }
      let status = port.status
      #expect(status.sent == 150 && status.sendErrors == 0)
      #expect(status.kernelDropped == 0 && status.invalidDescriptors == 0)
      #expect(port.copiedCount == 0)
      #expect(loop.maintain(port) { port.pool(queue: 0).census()[.transmit] == 0 })
      expectAllHome(port)
    }
  }

  @Test(arguments: [60, 9_014])
  func aFrameOfOnePortLeavesByAnotherWithoutACopy(byteCount: Int) throws {
    try withNetworkNamespaces(mtu: 9_000) { near in
      try withNetworkNamespaces(mtu: 9_000) { far in
        let registry = MemoryRegistry(arena: try Arena())
        let options = smallOptions(multiBuffer: true)
        let umem = try UMEM(registry: registry, chunkCount: 2 * options.chunkCount(queueCount: 1))
        let entry = try near.b.run {
          try AFXDPPort(name: "entry", device: "right", umem: umem, options: options)
        }
        let exit = try far.a.run {
          try AFXDPPort(name: "exit", device: "left", umem: umem, options: options)
        }
        #expect(umem.socketCount == 2)
        let sender = try PacketSocket(on: near.left, in: near.a)
        let receiver = try PacketSocket(on: far.right, in: far.b)
        let loop = Loop()
        // More frames than the pool has chunks: they must have come home from the other port.
        for number in 0..<1_200 {
          let frame = makeFrame(number, byteCount: byteCount)
          try sender.send(frame)
          try #require(loop.wait(for: entry))
          loop.moveToBulk()
          #expect(exit.transmit(&loop.bulk) == 1)
          let isThere = try receiver.receive() == frame
          #expect(isThere)
        }
        #expect(exit.copiedCount == 0 && exit.status.sent == 1_200)
        #expect(entry.status.kernelDropped == 0)
        #expect(loop.maintain(exit) { entry.pool(queue: 0).census()[.transmit] == 0 })
        expectAllHome(entry)
        expectAllHome(exit)
        #expect(umem.freeChunkCount == umem.chunkCount && umem.socketCount == 0)
      }
    }
  }

  @Test(arguments: [60, 3_000, 9_014])
  func aFrameOfOtherMemoryIsCopied(byteCount: Int) throws {
    try withNetworkNamespaces(mtu: 9_000) { pair in
      let port = try makePort(pair)
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let (pool, queue) = try makePagePool(port.umem.registry)
      let loop = Loop()
      for number in 0..<300 {
        let octets = makeFrame(number, byteCount: byteCount)
        loop.bulk.append(try makePageFrame(octets, from: pool, queue))
        #expect(port.transmit(&loop.bulk) == 1)
        let isThere = try socket.receive() == octets
        #expect(isThere)
        #expect(pool.census()[.free] == 64)
      }
      #expect(port.copiedCount == 300)
      #expect(loop.maintain(port) { port.pools[1].census()[.transmit] == 0 })
      expectAllHome(port)
      #expect(pool.destroy() == nil)
    }
  }

  @Test func framesOfBothKindsLeaveInOrder() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(pair)
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let (pool, queue) = try makePagePool(port.umem.registry)
      let loop = Loop()
      let frames = (0..<64).map { makeFrame($0, byteCount: 64 + $0) }
      for (number, frame) in frames.enumerated() {
        if number % 3 == 0 {
          loop.bulk.append(try makePageFrame(frame, from: pool, queue))
        } else {
          try socket.send(frame)
          try #require(loop.wait(for: port))
          loop.moveToBulk()
        }
      }
      #expect(port.transmit(&loop.bulk) == 64)
      for frame in frames {
        let isNext = try socket.receive() == frame
        #expect(isNext)
      }
      #expect(loop.maintain(port) { port.pools.allSatisfy { $0.census()[.transmit] == 0 } })
      expectAllHome(port)
      #expect(pool.destroy() == nil)
    }
  }

  @Test func aFrameLongerThanTheMTUIsRefusedAndTheOthersAreSent() throws {
    try withNetworkNamespaces(mtu: 1_000) { pair in
      let port = try makePort(pair)
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let (pool, queue) = try makePagePool(port.umem.registry)
      let loop = Loop()
      for byteCount in [500, 1_019, 600, 3_000, 1_018] {
        loop.bulk.append(try makePageFrame(makeFrame(0, byteCount: byteCount), from: pool, queue))
      }
      #expect(port.status.largestPacket == 1_018)
      #expect(port.transmit(&loop.bulk) == 3)
      let reasons = (0..<loop.bulk.count).map { unsafe loop.bulk.descriptors[$0].reason }
      #expect(reasons == [DropReason.mtu.rawValue, DropReason.mtu.rawValue])
      loop.bulk.recycle()
      let lengths = try (0..<3).map { _ in try socket.receive()?.count }
      #expect(lengths == [500, 600, 1_018])
      #expect(port.status.sendErrors == 2 && port.status.sent == 3)
      expectAllHome(port)
      #expect(pool.destroy() == nil)
    }
  }

  @Test func withoutMultiBufferPagesAreSentInOneChunk() throws {
    try withNetworkNamespaces { pair in
      let port = try makePort(pair, multiBuffer: false)
      let (pool, queue) = try makePagePool(port.umem.registry)
      let loop = Loop()
      loop.bulk.append(
        try makePageFrame(makeFrame(0, byteCount: 1_400), from: pool, queue, linear: 1_000))
      #expect(!port.status.sendsFragments)
      #expect(port.transmit(&loop.bulk) == 1)
      expectAllHome(port)
      #expect(pool.destroy() == nil)
    }
  }

  @Test(arguments: [1, 2])
  func workersTransmitAtTheSameTime(queueCount: Int) throws {
    try withNetworkNamespaces(queueCount: UInt32(queueCount)) { pair in
      let registry = MemoryRegistry(arena: try Arena())
      let port = try pair.b.run {
        try AFXDPPort(
          name: "out", device: "right", queueCount: queueCount, registry: registry,
          options: smallOptions())
      }
      let socket = try PacketSocket(on: pair.left, in: pair.a)
      let (threads, rounds) = (3, 100)
      let sent = Atomic(0)
      let failures = Atomic(0)
      try runTogether(threads) { number in
        guard let (pool, queue) = try? makePagePool(registry) else { return }
        var bulk = FrameBulk()
        for round in 0..<rounds {
          for position in 0..<16 {
            let octets = makeFrame(round * 16 + position, byteCount: 64 + number)
            if let frame = try? makePageFrame(octets, from: pool, queue) { bulk.append(frame) }
          }
          sent.add(port.transmit(&bulk), ordering: .relaxed)
          bulk.recycle()
        }
        if pool.destroy() != nil { failures.add(1, ordering: .relaxed) }
      }
      let total = sent.load(ordering: .relaxed)
      #expect(failures.load(ordering: .relaxed) == 0)
      #expect(port.status.sent == UInt64(total))
      // Every worker's frames arrive in its order.
      var last = [Int](repeating: -1, count: threads)
      for _ in 0..<total {
        let frame = try #require(try socket.receive())
        #expect(frame.count >= 64 && frame.count < 64 + threads)
        let number = frame.count - 64
        let sequence = (0..<rounds * 16).first {
          $0 > last[number] && makeFrame($0, byteCount: frame.count) == frame
        }
        last[number] = try #require(sequence)
      }
      expectAllHome(port)
    }
  }
}

/// A port on the right end.
private func makePort(
  _ pair: borrowing NamespacePair, chunk: Int = 4_096, multiBuffer: Bool = true
) throws -> AFXDPPort {
  let registry = MemoryRegistry(arena: try Arena())
  return try pair.b.run {
    try AFXDPPort(
      name: "port", device: "right", registry: registry, chunkByteCount: chunk,
      options: smallOptions(multiBuffer: multiBuffer))
  }
}

/// A page pool, and a queue for its frames to have come by.
private func makePagePool(_ registry: MemoryRegistry) throws -> (PagePool, ReceiveQueueInfo) {
  let pool = try PagePool(registry: registry, pageCount: 64)
  return (pool, try registry.registerQueue(port: 99, queue: 0, memory: pool.memory))
}

/// Runs something on so many threads at once, and waits for all of them.
private func runTogether(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
  guard count > 0 else { return }
  let thread = try Thread(name: "sender \(count)") { body(count - 1) }
  try runTogether(count - 1, body)
  thread.join()
}

/// A frame in pages of a pool: a linear part, and fragments of whole pages.
private func makePageFrame(
  _ octets: [UInt8], from pool: PagePool, _ queue: ReceiveQueueInfo, linear: Int = Limits.linear
) throws -> Frame {
  var rest = octets[...]
  guard let storage = pool.allocate() else { throw PortError("The pool is empty.") }
  let head = storage.take()
  let first = rest.prefix(linear)
  // Safe: the octets fit behind the headroom of a fresh page.
  unsafe first.withUnsafeBytes {
    unsafe (head.hardStart + pool.headroom).copyMemory(
      from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
  }
  rest = rest.dropFirst(first.count)
  var buff = Buff(
    owning: head, queue: queue, headroom: pool.headroom, byteCount: first.count)
  while !rest.isEmpty {
    guard let page = pool.allocate() else { throw PortError("The pool is empty.") }
    let piece = rest.prefix(Limits.page)
    unsafe piece.withUnsafeBytes {
      unsafe page.descriptor.hardStart.copyMemory(
        from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
    }
    rest = rest.dropFirst(piece.count)
    let refused = buff.addFragment(page, offset: 0, byteCount: piece.count)
    refused?.recycle()
  }
  guard let frame = Frame(buff) else { throw PortError("The frame leaves no room.") }
  return frame
}
