// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Arena

/// Random sequences of allocations and releases against a list of what is out.
@Suite struct RangeAllocatorTests {
  private struct Model {
    let whole: Range<UInt>
    var allocator: RangeAllocator
    var out: [Range<UInt>] = []

    init(_ whole: Range<UInt>) {
      self.whole = whole
      allocator = RangeAllocator(whole)
    }

    mutating func allocate(_ byteCount: UInt, _ alignment: UInt) {
      guard let start = allocator.allocate(byteCount: byteCount, alignment: alignment) else {
        #expect(!fits(byteCount, alignment), "\(byteCount) octets were free and not found.")
        return
      }
      let range = start..<(start + byteCount)
      #expect(start % alignment == 0)
      #expect(whole.contains(start) && range.upperBound <= whole.upperBound)
      #expect(!out.contains { $0.overlaps(range) })
      out.append(range)
    }

    /// Whether some gap between the ranges that are out has room; found without the allocator.
    private func fits(_ byteCount: UInt, _ alignment: UInt) -> Bool {
      let edges = out.sorted { $0.lowerBound < $1.lowerBound }
      let starts = [whole.lowerBound] + edges.map(\.upperBound)
      let ends = edges.map(\.lowerBound) + [whole.upperBound]
      return zip(starts, ends).contains { start, end in
        (start + alignment - 1) / alignment * alignment + byteCount <= end
      }
    }

    func check() {
      let taken = out.reduce(0) { $0 + UInt($1.count) }
      #expect(allocator.freeByteCount == UInt(whole.count) - taken)
      for (left, right) in zip(allocator.free, allocator.free.dropFirst()) {
        #expect(left.upperBound < right.lowerBound, "Neighbours are joined, and in order.")
      }
    }
  }

  @Test(arguments: 1...20)
  func neverHandsOutTwiceAndNeverLosesAnOctet(seed: UInt64) {
    var random = Generator(state: seed)
    var model = Model(64..<65_536)
    for _ in 0..<1_000 {
      if model.out.isEmpty || random.next() % 5 < 3 {
        let alignment = UInt(1) << (random.next() % 10)
        model.allocate(UInt(random.next() % 3_000) + 1, alignment)
      } else {
        let victim = model.out.remove(at: Int(random.next() % UInt64(model.out.count)))
        model.allocator.release(victim)
      }
      model.check()
    }
    for range in model.out { model.allocator.release(range) }
    #expect(model.allocator.free == [64..<65_536])
  }

  @Test func aRangeMayBeTakenWhole() {
    var allocator = RangeAllocator(4_096..<8_192)
    #expect(allocator.allocate(byteCount: 4_096, alignment: 64) == 4_096)
    #expect(allocator.free.isEmpty)
    #expect(allocator.allocate(byteCount: 1, alignment: 1) == nil)
    allocator.release(4_096..<8_192)
    #expect(allocator.free == [4_096..<8_192])
  }

  @Test func aCountThatOverflowsDoesNotFit() {
    var allocator = RangeAllocator(4_096..<8_192)
    #expect(allocator.allocate(byteCount: .max, alignment: 64) == nil)
    #expect(allocator.freeByteCount == 4_096)
  }

  private struct Generator {
    var state: UInt64

    /// SplitMix64.
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = state
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
  }
}
