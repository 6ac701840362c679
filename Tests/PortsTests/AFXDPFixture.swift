// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

/// A packet socket on one end of a cable, which sends and receives whole frames.
struct PacketSocket: ~Copyable {
  private let socket: Socket

  /// Opens a socket on an interface of a namespace.
  init(on interface: Interface, in namespace: NetworkNamespace) throws {
    let everything = UInt16(0x0003).bigEndian
    let socket = try namespace.run { () -> Socket in
      let socket = try Socket(.packet, .raw, transport: Int32(everything))
      var address = sockaddr_ll()
      address.sll_family = UInt16(AF_PACKET)
      address.sll_protocol = everything
      address.sll_ifindex = Int32(interface.index)
      try socket.bind(address, interface.name)
      // PACKET_IGNORE_OUTGOING: only what the other end sends is received.
      try socket.setOption("PACKET_IGNORE_OUTGOING", level: SOL_PACKET, 23, Int32(1))
      try socket.setOption("SO_RCVBUFFORCE", level: SOL_SOCKET, SO_RCVBUFFORCE, Int32(64 << 20))
      return socket
    }
    self.socket = socket
  }

  /// Sends one frame.
  func send(_ frame: [UInt8]) throws {
    let sent = try unsafe frame.withUnsafeBytes { try unsafe socket.send($0) }
    try #require(sent == frame.count)
  }

  /// Receives one frame; nil if none comes for a while.
  func receive(timeout: Duration = .seconds(2)) throws -> [UInt8]? {
    guard try Poll.wait(socket.raw, for: .readable, timeout: timeout) == .readable else {
      return nil
    }
    var frame = [UInt8](repeating: 0, count: 70_000)
    let count = try unsafe frame.withUnsafeMutableBytes { try unsafe socket.receive(into: $0) }
    return Array(frame[..<(count ?? 0)])
  }
}

/// A frame of some experimental protocol, numbered, its octets different everywhere.
func makeFrame(_ number: Int, byteCount: Int) -> [UInt8] {
  let header: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]
  let payload = (0..<(byteCount - header.count)).map { position in
    UInt8(truncatingIfNeeded: position &* 31 &+ position >> 8 &+ number &* 7)
  }
  return header + payload
}

/// A UDP frame of a flow, with correct checksums.
func makeUDPFrame(flow: UInt16, byteCount: Int) throws -> [UInt8] {
  var frame = [UInt8](repeating: 0, count: byteCount)
  let length = unsafe frame.withUnsafeMutableBytes { room in
    var builder = unsafe PacketBuilder(room)
    builder.ethernet()
    builder.ipv4(source: IPv4Address(192, 0, 2, 1), destination: IPv4Address(192, 0, 2, 2))
    builder.udp(source: flow, destination: 9)
    builder.payload(byteCount: byteCount - 42)
    return builder.finish()
  }
  try #require(length == byteCount)
  return frame
}

// Safe: the counters are the loop's own.
/// What a loop around a port needs: a burst, and the ledger.
@safe
final class Loop {
  var burst = Burst()
  var bulk = FrameBulk()
  let tally: Tally
  private let counters: UnsafeMutableRawPointer

  init() {
    // Safe: freed in deinit.
    unsafe counters = .allocate(byteCount: Tally.byteCount, alignment: 64)
    unsafe counters.initializeMemory(as: UInt8.self, repeating: 0, count: Tally.byteCount)
    unsafe tally = Tally(memory: counters)
  }

  deinit { unsafe counters.deallocate() }

  /// Receives once; counts what came.
  @discardableResult
  func poll(_ port: some Port, queue: Int = 0, budget: Int = 64) -> Int {
    port.receive(&burst, queue: queue, budget: budget, tally: tally)
    tally.add(burst.count, to: .received)
    return burst.count
  }

  /// Receives until something is in the burst; answers whether it came in time.
  func wait(for port: some Port, queue: Int = 0, limit: Duration = .seconds(5)) -> Bool {
    let deadline = MonotonicClock.now + UInt64(limit.nanoseconds)
    while MonotonicClock.now < deadline {
      if poll(port, queue: queue) > 0 { return true }
    }
    return false
  }

  /// Moves what is in the burst to the bulk; what leaves too little room in front is dropped.
  func moveToBulk() {
    for position in 0..<burst.count {
      if let frame = burst.takeFrame(at: position) {
        bulk.append(frame)
      } else {
        tally.drop(1, .tailroom)
        burst.takeAnyway(at: position).recycle(.tailroom)
      }
    }
    burst.removeAll()
  }

  /// Drops what is in the burst.
  func drop() {
    for position in 0..<burst.count {
      bulk.append(burst.takeAnyway(at: position))
    }
    tally.drop(burst.count, .programDrop)
    burst.removeAll()
    bulk.recycle(.programDrop)
  }

  /// Whether the burst holds exactly these packets, octet for octet.
  func holds(_ frames: [[UInt8]]) -> Bool { contents == frames }

  /// The octets of every packet in the burst.
  var contents: [[UInt8]] {
    (0..<burst.count).map { position in
      let byteCount = burst[position].byteCount
      return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { room, count in
        let isCopied = unsafe burst[position].copyBytes(
          from: 0, to: UnsafeMutableRawBufferPointer(room))
        count = isCopied ? byteCount : 0
      }
    }
  }

  /// Receives until nothing has come for a while, and drops everything; answers what came.
  func drain(
    _ port: some Port, queues: Range<Int> = 0..<1, quiet: Duration = .milliseconds(60)
  )
    -> [[UInt8]]
  {
    var frames: [[UInt8]] = []
    receiveAll(port, queues: queues, quiet: quiet) { frames += contents }
    return frames
  }

  /// Receives until nothing has come for a while, and drops everything; answers how much came.
  @discardableResult
  func count(
    _ port: some Port, queues: Range<Int> = 0..<1, quiet: Duration = .milliseconds(60)
  )
    -> Int
  {
    var total = 0
    receiveAll(port, queues: queues, quiet: quiet) { total += burst.count }
    return total
  }

  private func receiveAll(
    _ port: some Port, queues: Range<Int>, quiet: Duration, _ look: () -> Void
  ) {
    var last = MonotonicClock.now
    while MonotonicClock.now - last < UInt64(quiet.nanoseconds) {
      for queue in queues {
        guard poll(port, queue: queue) > 0 else { continue }
        look()
        drop()
        last = MonotonicClock.now
      }
    }
  }

  /// Maintains all queues until something holds; answers whether it did in time.
  func maintain(
    _ port: some Port, for limit: Duration = .seconds(30), until holds: () -> Bool
  ) -> Bool {
    let deadline = MonotonicClock.now + UInt64(limit.nanoseconds)
    while MonotonicClock.now < deadline {
      for queue in 0..<port.queueCount { port.maintain(queue: queue) }
      if holds() { return true }
      Thread.sleep(for: .milliseconds(5))
    }
    return false
  }
}

/// Options with few chunks, so that tests are quick.
func smallOptions(
  multiBuffer: Bool = false, rings: Int = 256, chunks: Int = 1_024
) -> AFXDPOptions {
  var options = AFXDPOptions()
  options.isMultiBuffer = multiBuffer
  options.receiveRingCapacity = rings
  options.fillRingCapacity = rings
  options.transmitRingCapacity = rings
  options.completionRingCapacity = rings
  options.receiveChunkCount = chunks
  options.copyChunkCount = 64
  return options
}

/// Checks that every chunk of a port is home, and closes it.
func expectAllHome(_ port: AFXDPPort, sourceLocation: SourceLocation = #_sourceLocation) {
  let drains = port.close()
  #expect(drains == [], sourceLocation: sourceLocation)
  for pool in port.pools {
    let census = pool.census()
    #expect(census[.free] == pool.chunkCount, "\(census)", sourceLocation: sourceLocation)
    #expect(census.doubleFree == 0 && census.abandoned == 0, sourceLocation: sourceLocation)
  }
}
