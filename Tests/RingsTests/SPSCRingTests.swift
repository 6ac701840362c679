// SPDX-License-Identifier: Apache-2.0

import Rings
import Testing

struct SPSCRingTests {
  @Test(arguments: [1, 2, 3, 5, 8, 16, 1000, 1024, 16384], [0, 0xffff_fff0] as [UInt32])
  func holdsExactlyItsCapacityInOrder(capacity: Int, start: UInt32) {
    let memory = RingMemory(byteCount: SPSCRing.byteCount(capacity: capacity))
    let ring = unsafe SPSCRing(
      initializing: memory.address, capacity: capacity, startIndex: start)
    for round in 0..<3 as Range<UInt64> {
      var next = round << 32
      while ring.produce(next) { next += 1 }
      #expect(Int(next - round << 32) == capacity)
      #expect(ring.isFull && ring.count == capacity)
      for expected in (round << 32)..<next { #expect(ring.consume() == expected) }
      #expect(ring.consume() == nil)
      #expect(ring.isEmpty && !ring.isCorrupt)
    }
  }
}
