// SPDX-License-Identifier: Apache-2.0

import Rings
import Testing

@Suite struct SPSCRingStressTests {
  /// Two threads and bursts of changing lengths, over the place where the indices wrap.
  @Test(arguments: [3, 64, 1_024])
  func everySlotCrossesOnceInOrder(capacity: Int) async {
    let total = 200_000
    let memory = RingMemory(byteCount: SPSCRing.byteCount(capacity: capacity))
    let ring = unsafe SPSCRing(
      initializing: memory.address, capacity: capacity, startIndex: 0xffff_fff0)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await send(total, to: ring) }
      var room = [UInt64](repeating: 0, count: 64)
      var next = 0
      while next < total {
        let count = unsafe room.withUnsafeMutableBufferPointer {
          unsafe ring.consume(into: $0.baseAddress.unsafelyUnwrapped, count: 1 + next % 64)
        }
        if count == 0 { await Task.yield() }
        for slot in room[..<count] {
          if slot != UInt64(next) { Issue.record("\(slot) came where \(next) should.") }
          next += 1
        }
      }
    }
    #expect(ring.isEmpty)
  }
}

private func send(_ total: Int, to ring: SPSCRing) async {
  var sent = 0
  while sent < total {
    let burst = min(1 + sent % 61, total - sent)
    let slots = (0..<burst).map { UInt64(sent + $0) }
    let taken = unsafe slots.withUnsafeBufferPointer {
      unsafe ring.produce($0.baseAddress.unsafelyUnwrapped, count: burst)
    }
    sent += taken
    if taken == 0 { await Task.yield() }
  }
}
