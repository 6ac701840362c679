// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Ports
import Synchronization
import Syscalls
import Testing
import XDPFrame

/// Several threads put packets in and send while one receives and one takes out.
@Suite struct MemoryPortStressTests {
  private static let perThread = 4_000

  @Test func octetsFromSeveralThreadsArriveOnceAndWhole() throws {
    let fixture = try MemoryFixture()
    let port = try MemoryPort(name: "in", registry: fixture.registry, models: [fixture.pool])
    let threads = try (0..<3 as Range<UInt8>).map { writer in
      try RunningThread(name: "writer") {
        var number = 0
        while number < Self.perThread {
          if port.put(Self.packet(writer, number)) { number += 1 }
        }
      }
    }
    var next = [0, 0, 0]
    while next.reduce(0, +) < 3 * Self.perThread {
      for octets in fixture.receive(port) {
        let writer = Int(octets[0])
        // Each writer's packets stay in order.
        #expect(octets == Self.packet(octets[0], next[writer]))
        next[writer] += 1
      }
    }
    for thread in threads { thread.join() }
    #expect(fixture.receive(port).isEmpty)
    #expect(fixture.isWhole)
  }

  private static func packet(_ writer: UInt8, _ number: Int) -> [UInt8] {
    [writer] + [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 40 + number % 1_500)
  }

  @Test func framesSentFromSeveralThreadsArriveAtTheSinkInOrder() throws {
    let fixture = try MemoryFixture(pages: 2_048)
    let registry = fixture.registry
    let plan = GeneratorPort.Plan(
      flowCount: 1, byteCounts: [64, 5_000], limit: MemoryPortStressTests.perThread)
    let port = try MemoryPort(name: "out", registry: registry, capacity: 256)
    let sinks = try (0..<2).map {
      try SinkPort(name: "sink\($0)", registry: registry, plan: plan)
    }
    // Each sender has a generator and a pool of its own, and a sink that takes what it made.
    let threads = try (0..<2).map { number in
      try RunningThread(name: "sender") {
        guard let pool = try? PagePool(registry: registry, pageCount: 512),
          let generator = try? GeneratorPort(
            name: "gen", registry: registry, model: pool, plan: plan)
        else { return }
        Self.send(generator, through: port, mark: UInt16(number + 1))
        while pool.destroy() != nil { Thread.yield() }
      }
    }
    var bulk = FrameBulk()
    var taken = 0
    while taken < 2 * Self.perThread {
      guard let frame = port.takeSent() else { continue }
      taken += 1
      let sink = sinks[Int(frame.descriptor.cookie) - 1]
      bulk.append(frame)
      #expect(sink.transmit(&bulk) == 1)
    }
    for thread in threads { thread.join() }
    for sink in sinks {
      #expect(sink.report.isClean)
      #expect(sink.report.lost(ofMade: Self.perThread) == 0)
    }
    #expect(port.status.sent == UInt64(2 * Self.perThread))
  }

  /// Makes packets, notes the sender in each, and sends until the port has taken them.
  private static func send(_ generator: GeneratorPort, through port: MemoryPort, mark: UInt16) {
    guard let block = try? Arena().allocateTrusted(byteCount: UInt(Tally.byteCount)) else { return }
    let tally = unsafe Tally(memory: block.address)
    var burst = Burst()
    var bulk = FrameBulk()
    while !generator.isFinished {
      generator.receive(&burst, queue: 0, budget: 32, tally: tally)
      for position in 0..<burst.count {
        let frame = burst.takeAnyway(at: position)
        frame.descriptor.cookie = UInt64(mark)
        bulk.append(frame)
      }
      burst.removeAll()
      while !bulk.isEmpty {
        if port.transmit(&bulk) == 0 { Thread.yield() }
      }
    }
  }
}

/// A thread of a test.
final class RunningThread: Sendable {
  private let thread: Mutex<Thread?>

  init(name: String, _ body: @escaping @Sendable () -> Void) throws {
    let started = try Thread(name: name, body)
    thread = Mutex(consume started)
  }

  func join() {
    let running = thread.withLock { $0.take() }
    running?.join()
  }
}
