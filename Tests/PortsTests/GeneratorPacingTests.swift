// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Ports

@Suite struct GeneratorPacingTests {
  @Test func withoutARateEverythingIsDue() {
    var pacer = Pacer(rate: nil, burst: 64)
    #expect(!pacer.isPaced)
    #expect(pacer.due(at: 5) == .max)
  }

  @Test(arguments: [1, 7, 1_000, 333_333, 1_000_000_000])
  func overTimeExactlyTheRateIsDue(rate: Int) {
    var pacer = Pacer(rate: rate, burst: 64)
    var now: UInt64 = 123_456_789
    var taken = 0
    let start = now
    // Asked often enough that nothing is forgiven.
    let step = max(UInt64(16_000_000_000) / UInt64(rate), 16)
    for _ in 0..<1_000 {
      let due = pacer.due(at: now)
      #expect(due <= 17)
      pacer.take(due)
      taken += due
      now += step
    }
    let elapsed = now - step - start
    let (high, low) = elapsed.multipliedFullWidth(by: UInt64(rate))
    #expect(taken == 1 + Int(UInt64(1_000_000_000).dividingFullWidth((high, low)).quotient))
  }

  @Test func theFirstIsDueAtOnce() {
    var pacer = Pacer(rate: 1, burst: 64)
    #expect(pacer.due(at: 99) == 1)
    pacer.take(1)
    #expect(pacer.due(at: 99 + 999_999_999) == 0)
    #expect(pacer.due(at: 99 + 1_000_000_000) == 1)
  }

  @Test(arguments: [1, 64, 500])
  func afterAPauseOnlyABurstIsDue(burst: Int) {
    var pacer = Pacer(rate: 1_000_000, burst: burst)
    #expect(pacer.due(at: 0) == 1)
    #expect(pacer.due(at: 10_000_000_000) == burst)
    pacer.take(burst)
    #expect(pacer.due(at: 10_000_000_000) == 0)
    #expect(pacer.due(at: 10_000_001_000) == 1)
  }

  @Test func whatIsNotTakenStaysDue() {
    var pacer = Pacer(rate: 1_000, burst: 64)
    #expect(pacer.due(at: 0) == 1)
    #expect(pacer.due(at: 1_000_000) == 2)
    pacer.take(1)
    #expect(pacer.due(at: 1_000_000) == 1)
  }

  @Test func thirtyYearsDoNotOverflow() {
    var pacer = Pacer(rate: 1_000_000_000, burst: 64)
    _ = pacer.due(at: 0)
    #expect(pacer.due(at: 30 * 365 * 86_400 * 1_000_000_000) == 64)
  }
}

@Suite struct FlowOrderTests {
  @Test func arrivalsInOrderAreInOrder() {
    var order = FlowOrder()
    for sequence in 0..<200 as Range<UInt64> { #expect(order.note(sequence) == .inOrder) }
    #expect(order.next == 200)
  }

  @Test func gapsAreFilledLateAndOnlyOnce() {
    var order = FlowOrder()
    #expect(order.note(0) == .inOrder)
    #expect(order.note(5) == .ahead(missing: 4))
    #expect(order.note(3) == .late)
    #expect(order.note(3) == .again)
    #expect(order.note(5) == .again)
    #expect(order.note(0) == .again)
    #expect(order.note(1) == .late)
    #expect(order.note(6) == .inOrder)
  }

  @Test(arguments: [1, 62, 63, 64, 65, 1_000] as [UInt64])
  func whatLiesMoreThan64BackCannotBeTold(missing: UInt64) {
    var order = FlowOrder()
    #expect(order.note(0) == .inOrder)
    #expect(order.note(missing + 1) == .ahead(missing: missing))
    // 0 was seen: it is told from one not seen while the window reaches it.
    #expect(order.note(0) == (missing + 1 < 64 ? .again : .tooLate))
    #expect(order.note(1) == (missing < 64 ? .late : .tooLate))
  }

  /// Against a set of what was seen.
  @Test(arguments: 1...10)
  func agreesWithASetOfWhatWasSeen(seed: UInt64) {
    var order = FlowOrder()
    var seen: Set<UInt64> = []
    var state = seed
    for step in 0..<2_000 as Range<UInt64> {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let sequence = step + (state >> 33) % 40
      let highest = seen.max()
      let expected: FlowOrder.Arrival
      if seen.contains(sequence) {
        expected = .again
      } else if let highest, sequence < highest {
        expected = .late
      } else {
        let missing = sequence - (highest.map { $0 + 1 } ?? 0)
        expected = missing == 0 ? .inOrder : .ahead(missing: missing)
      }
      #expect(order.note(sequence) == expected)
      seen.insert(sequence)
    }
  }
}
