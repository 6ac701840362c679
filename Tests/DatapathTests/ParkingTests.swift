// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Synchronization
import Syscalls
import TestSupport
import Testing

@testable import Datapath

extension Stress {
  /// Nobody sleeps on work.
  ///
  /// The longest sleep is an hour here, so a wake-up that is lost stays lost.
  @Suite struct ParkingTests {
    private static let usesRing = [true, false]

    /// Work that is counted up by producers and down by one worker, as a ring's indices are.
    private final class Work: Sendable {
      let produced = Atomic<UInt64>(0)
      let consumed = Atomic<UInt64>(0)
      let limit: UInt64
      let parking: Parking

      init(_ parking: Parking, limit: UInt64) {
        self.parking = parking
        self.limit = limit
      }

      var isEmpty: Bool {
        produced.load(ordering: .acquiring) == consumed.load(ordering: .relaxed)
      }

      /// Takes everything; never waits for more than the wake-up.
      func work() {
        var bed = Parking.Bed(parking)
        var done: UInt64 = 0
        while done < limit {
          let there = produced.load(ordering: .acquiring)
          if there > done {
            done = there
            consumed.store(done, ordering: .relaxed)
            bed.reset()
          } else {
            bed.wait { !isEmpty }
          }
        }
      }

      func produce(_ amount: UInt64 = 1) {
        produced.add(amount, ordering: .releasing)
        parking.wake()
      }
    }

    private func makeWork(_ mode: ParkingMode, usesRing: Bool, limit: UInt64) throws -> Work {
      if usesRing { try #require(Ring.availability.isAvailable) }
      let parking = try Parking(mode: mode, usesRing: usesRing, longestSleep: .seconds(3_600))
      return Work(parking, limit: limit)
    }

    /// The producer waits a random while, often about as long as the worker needs to fall asleep.
    @Test(.timeLimit(.minutes(5)), arguments: usesRing)
    func noWakeUpIsLostOverManyRounds(usesRing: Bool) throws {
      let rounds: UInt64 = isInstrumented ? 20_000 : 100_000
      let work = try makeWork(.sleep, usesRing: usesRing, limit: rounds)
      let worker = try Thread(name: "worker") { work.work() }
      var random = SeededGenerator(seed: usesRing ? 1 : 2)
      for _ in 0..<rounds {
        work.produce()
        for _ in 0..<Int.random(in: 0...300, using: &random) { clinux_pause() }
        // Now and then the worker is seen to have nothing to do, and so asleep or about to be.
        if Int.random(in: 0..<8, using: &random) == 0 { while !work.isEmpty {} }
      }
      worker.join()
      #expect(work.parking.counts.sleeps > 1_000)
      #expect(work.parking.counts.wakeups > 1_000)
    }

    @Test(.timeLimit(.minutes(5)), arguments: usesRing)
    func ofSeveralProducersOneWakes(usesRing: Bool) throws {
      let rounds: UInt64 = isInstrumented ? 2_000 : 10_000
      let work = try makeWork(.sleep, usesRing: usesRing, limit: 3 * rounds)
      let worker = try Thread(name: "worker") { work.work() }
      let producers = try (0..<3).map { number in
        Joined(
          try Thread(name: "producer \(number)") {
            var random = SeededGenerator(seed: UInt64(number))
            for _ in 0..<rounds {
              work.produce()
              for _ in 0..<Int.random(in: 0...500, using: &random) { clinux_pause() }
            }
          })
      }
      for producer in producers { producer.join() }
      worker.join()
      #expect(work.consumed.load(ordering: .relaxed) == 3 * rounds)
    }

    @Test func aSpinningWorkerNeverSleeps() throws {
      let work = try makeWork(.spin, usesRing: false, limit: 1_000)
      let worker = try Thread(name: "worker") { work.work() }
      for _ in 0..<1_000 { work.produce() }
      worker.join()
      #expect(work.parking.counts == (0, 0))
    }

    @Test(.timeLimit(.minutes(1)), arguments: usesRing)
    func anAdaptiveWorkerSleepsOnceNothingHasComeForAWhile(usesRing: Bool) throws {
      let work = try makeWork(.adaptive, usesRing: usesRing, limit: 10)
      let worker = try Thread(name: "worker") { work.work() }
      for round in UInt64(1)...10 {
        while work.parking.counts.sleeps < round {}
        work.produce()
      }
      worker.join()
      #expect(work.parking.counts.sleeps >= 10)
    }

    /// What ends a worker must reach it whatever it is doing, and be harmless when it has gone.
    @Test(.timeLimit(.minutes(1)), arguments: usesRing)
    func rousingReachesASleeperThatNobodyKnowsToSleep(usesRing: Bool) throws {
      for round in 0..<500 {
        let parking = try Parking(
          mode: .sleep, usesRing: usesRing, longestSleep: .seconds(3_600))
        let isDone = Flag()
        let worker = try Thread(name: "worker") {
          var bed = Parking.Bed(parking)
          while !isDone.isSet { bed.wait { isDone.isSet } }
        }
        for _ in 0..<(round * 37 % 5_000) { clinux_pause() }
        isDone.set()
        parking.rouse()
        worker.join()
        parking.rouse()
      }
    }

    /// Each wake-up may leave a message in the ring; none may stop later ones from arriving.
    @Test(.timeLimit(.minutes(1)))
    func aFloodOfMessagesIsHarmless() throws {
      let work = try makeWork(.sleep, usesRing: true, limit: 2)
      let hasBegun = Flag()
      let worker = try Thread(name: "worker") {
        while !hasBegun.isSet {}
        work.work()
      }
      for _ in 0..<1_000 { work.parking.rouse() }
      hasBegun.set()
      while work.parking.counts.sleeps == 0 {}
      work.produce()
      for _ in 0..<1_000 { work.parking.rouse() }
      while !work.isEmpty {}
      work.produce()
      worker.join()
    }
  }
}
