// SPDX-License-Identifier: Apache-2.0

import MemModels
import Ports
import Synchronization
import Syscalls
import Testing
import XDPFrame

/// Puts packets of some flows into a queue of a bench's port, from a thread of its own with a pool of its own.
///
/// The mark of a packet is its flow, in the upper 8 bits, and its place in the flow. Nothing is given up: where there
/// is no page or no room the thread waits.
final class Feeder: Sendable {
  let pool: PagePool
  private let bench: Bench
  private let flows: Range<Int>
  private let queue: Int
  private let count: Int
  private let put = Atomic(0)
  private let isStopping = Atomic(false)
  private let thread = Mutex<Thread?>(nil)

  init(_ bench: Bench, flows: Range<Int>, queue: Int = 0, count: Int = .max, pages: Int = 1_024) {
    do {
      pool = try PagePool(registry: bench.registry, pageCount: pages)
    } catch {
      preconditionFailure("A test needs a pool: \(error)")
    }
    self.bench = bench
    self.flows = flows
    self.queue = queue
    self.count = count
  }

  /// The packets put in so far.
  var putCount: Int { put.load(ordering: .relaxed) }
  /// Whether all packets are in.
  var isFinished: Bool { putCount == count }

  func start() {
    do {
      var started: Thread? = try Thread(name: "feeder") { [self] in feed() }
      thread.withLock { $0 = started.take() }
    } catch {
      Issue.record("A test needs a thread: \(error)")
    }
  }

  /// Puts in no more.
  func requestStop() { isStopping.store(true, ordering: .relaxed) }

  func join() {
    let running = thread.withLock { $0.take() }
    running?.join()
  }

  private func feed() {
    pool.adopt()
    var number = 0
    while number < count, !isStopping.load(ordering: .relaxed) {
      let flow = flows.lowerBound + number % flows.count
      let mark = UInt32(flow << 24 | number / flows.count)
      guard let frame = bench.packet(mark, from: pool), putPatiently(frame) else { continue }
      number += 1
      put.store(number, ordering: .relaxed)
    }
  }

  /// Waits for a place in the queue; false if the test ends meanwhile.
  private func putPatiently(_ frame: consuming Frame) -> Bool {
    var waiting: Frame? = frame
    while let next = waiting.take() {
      waiting = bench.port.put(next, queue: queue)
      if isStopping.load(ordering: .relaxed) { break }
    }
    guard let rejected = waiting.take() else { return true }
    rejected.recycle(.shutdown)
    return false
  }

  func expectAllHome(sourceLocation: SourceLocation = #_sourceLocation) {
    expectHome(pool, sourceLocation: sourceLocation)
  }
}

/// Checks that the packets of each flow are in order, whichever are missing.
func expectFlowOrder(_ marks: [UInt32], sourceLocation: SourceLocation = #_sourceLocation) {
  var last: [UInt32: UInt32] = [:]
  for mark in marks {
    let (flow, place) = (mark >> 24, mark & 0xFF_FFFF)
    if let before = last[flow] { #expect(place > before, sourceLocation: sourceLocation) }
    last[flow] = place
  }
}
