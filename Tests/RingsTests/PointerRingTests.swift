// SPDX-License-Identifier: Apache-2.0

import Rings
import Synchronization
import Testing

@Suite struct PointerRingTests {
  @Test(arguments: [1, 2, 3, 8, 1_000, 16_384], [0, 0xffff_fff0] as [UInt32])
  func holdsExactlyItsCapacityAndWrapsAround(capacity: Int, start: UInt32) {
    let memory = RingMemory(byteCount: PointerRing.byteCount(capacity: capacity))
    let ring = unsafe PointerRing(
      initializing: memory.address, capacity: capacity, startIndex: start)
    for round in 0..<3 {
      for position in 0..<capacity { #expect(ring.produce(UInt64(round * capacity + position))) }
      #expect(ring.isFull)
      #expect(!ring.produce(1))
      for position in 0..<capacity {
        #expect(ring.consume() == UInt64(round * capacity + position))
      }
      #expect(ring.isEmpty)
      #expect(ring.consume() == nil)
    }
  }

  @Test func aDeadProducersLockIsFreed() {
    let memory = RingMemory(byteCount: PointerRing.byteCount(capacity: 8))
    let ring = unsafe PointerRing(initializing: memory.address, capacity: 8)
    ring.lock.acquire(as: 7)
    #expect(!ring.recover(from: 8, as: 1))
    #expect(ring.recover(from: 7, as: 1))
    #expect(ring.produce(5))
    #expect(ring.consume() == 5)
  }

  /// Four threads return slots in bursts of their own; each arrives once, and in its thread's order.
  @Test func everySlotOfFourProducersArrivesOnceInItsOrder() async {
    let each = 50_000
    let memory = RingMemory(byteCount: PointerRing.byteCount(capacity: 1_024))
    let ring = unsafe PointerRing(
      initializing: memory.address, capacity: 1_024, startIndex: 0xffff_fff0)
    await withTaskGroup(of: Void.self) { group in
      for producer in 0..<4 {
        group.addTask { await produce(each, as: producer, to: ring) }
      }
      var next = [Int](repeating: 0, count: 4)
      var room = [UInt64](repeating: 0, count: 64)
      var seen = 0
      while seen < 4 * each {
        let count = unsafe room.withUnsafeMutableBufferPointer {
          unsafe ring.consume(into: $0.baseAddress.unsafelyUnwrapped, count: 64)
        }
        if count == 0 { await Task.yield() }
        for slot in room[..<count] {
          let producer = Int(slot >> 32)
          #expect(Int(slot & 0xffff_ffff) == next[producer])
          next[producer] += 1
        }
        seen += count
      }
      #expect(next == [each, each, each, each])
    }
    #expect(ring.isEmpty)
  }
}

private func produce(_ count: Int, as producer: Int, to ring: PointerRing) async {
  var sent = 0
  while sent < count {
    let burst = min(1 + (sent &* 7 &+ producer) % 64, count - sent)
    let slots = (0..<burst).map { UInt64(producer) << 32 | UInt64(sent + $0) }
    let taken = unsafe slots.withUnsafeBufferPointer {
      unsafe ring.produce(
        $0.baseAddress.unsafelyUnwrapped, count: burst, as: UInt32(producer + 1))
    }
    sent += taken
    if taken == 0 { await Task.yield() }
  }
}
