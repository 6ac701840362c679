// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization
import Testing

/// Zeroed memory for a test.
@safe
private final class Block: Sendable {
  // Safe: written once here, freed when the test lets go.
  nonisolated(unsafe) let address: UnsafeMutableRawPointer

  init(_ byteCount: Int) {
    unsafe address = .allocate(byteCount: byteCount, alignment: 64)
    unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  deinit { unsafe address.deallocate() }
}

@Suite struct CounterGroupTests {
  @Test func countsStartAtZeroAndAreAdded() {
    let block = Block(CounterGroup.byteCount(number: 3))
    let group = unsafe CounterGroup(initializing: block.address, number: 3)
    group[1].add(5)
    group[2].add()
    #expect(group.snapshot() == [0, 5, 1])
    #expect(unsafe CounterGroup(attaching: block.address).snapshot() == [0, 5, 1])
  }

  @Test func aReaderSeesAllOfAnUpdateOrNothing() async {
    let block = Block(CounterGroup.byteCount(number: 4))
    let group = unsafe CounterGroup(initializing: block.address, number: 4)
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for _ in 0..<100_000 { group.update { for count in 0..<4 { group[count].add() } } }
      }
      var seen = 0
      while seen < 100_000 {
        guard let counts = group.snapshot() else { continue }
        #expect(Set(counts).count == 1, "\(counts)")
        seen = Int(counts[0])
      }
    }
  }
}

@Suite struct HistogramTests {
  @Test(arguments: [1, 2, 3, 4, 5])
  func percentilesAgreeWithASortedListWithinAThirtySecond(seed: UInt64) throws {
    let block = Block(Histogram.byteCount)
    let histogram = unsafe Histogram(block.address)
    var state = seed
    var values: [UInt64] = []
    for _ in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = (state >> 20) >> (state & 43)
      values.append(value)
      histogram.record(value)
    }
    values.sort()
    #expect(histogram.count == 20_000)
    for share in [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1] {
      let rank = max(Int((share * 20_000).rounded(.up)), 1)
      let exact = values[rank - 1]
      let told = try #require(histogram.percentile(share))
      #expect(told >= exact)
      #expect(told - exact <= exact / 32 + 1)
    }
  }

  @Test func theExtremesHaveTheirPlace() {
    let block = Block(Histogram.byteCount)
    let histogram = unsafe Histogram(block.address)
    #expect(histogram.percentile(0.5) == nil)
    histogram.record(0)
    histogram.record(.max)
    #expect(histogram.percentile(0) == 0)
    #expect(histogram.percentile(1) == .max)
  }

  @Test func mergingAdds() {
    let (one, two) = (Block(Histogram.byteCount), Block(Histogram.byteCount))
    let first = unsafe Histogram(one.address)
    let second = unsafe Histogram(two.address)
    for value: UInt64 in 1...100 { first.record(value) }
    for value: UInt64 in 1_000...1_100 { second.record(value) }
    first.merge(second)
    #expect(first.count == 201)
    #expect(first.percentile(0.25) == 51)
  }
}
