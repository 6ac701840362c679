// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Syscalls
import Testing

@testable import Datapath

extension Stress {
  @Suite struct QuiescenceTests {
    @Test func whoChangesWaitsForWhoIsInside() throws {
      let quiescence = Quiescence()
      let (inside, outside) = (quiescence.join(), quiescence.join())
      let (hasEntered, hasWaited, mayLeave) = (Flag(), Flag(), Flag())
      let reader = try Thread(name: "reader") {
        inside.enter()
        hasEntered.set()
        while !mayLeave.isSet {}
        #expect(!hasWaited.isSet)
        inside.exit()
      }
      while !hasEntered.isSet {}
      let changer = try Thread(name: "changer") {
        quiescence.wait()
        hasWaited.set()
      }
      Thread.sleep(for: .milliseconds(20))
      #expect(!hasWaited.isSet)
      mayLeave.set()
      reader.join()
      changer.join()
      #expect(hasWaited.isSet)
      quiescence.leave(inside)
      quiescence.leave(outside)
      quiescence.wait()
    }

    @Test func whoGoesFromSectionToSectionHoldsNobodyUp() throws {
      let quiescence = Quiescence()
      let part = quiescence.join()
      let (isDone, sections) = (Flag(), Counter())
      let reader = try Thread(name: "reader") {
        while !isDone.isSet {
          part.enter()
          sections.add()
          part.exit()
        }
      }
      while sections.value == 0 {}
      for _ in 0..<10_000 { quiescence.wait() }
      isDone.set()
      reader.join()
    }

    @Test func aPlaceIsFreeAgainOnceItsPartHasLeft() {
      let quiescence = Quiescence()
      var parts = (0..<Quiescence.limit).map { _ in quiescence.join() }
      quiescence.leave(parts.removeLast())
      let again = quiescence.join()
      #expect(again.number == Quiescence.limit - 1)
      quiescence.wait()
    }

    @Test func onePartTooManyIsAMistake() async {
      await #expect(processExitsWith: .failure) {
        let quiescence = Quiescence()
        for _ in 0...Quiescence.limit { _ = quiescence.join() }
      }
    }

    /// Readers follow a table while its objects are exchanged; one that was let go too early would be seen dead.
    @Test func nothingIsLetGoWhileSomebodyLooksAtIt() throws {
      let quiescence = Quiescence()
      let table = ReferenceTable<Mortal>(capacity: 1)
      let isDone = Flag()
      let looks = Counter()
      let readers = try (0..<2).map { number in
        let part = quiescence.join()
        return Joined(
          try Thread(name: "reader \(number)") {
            while !isDone.isSet {
              part.enter()
              let isAlive = table.reader.with(0) { $0.isAlive }
              if let isAlive {
                #expect(isAlive)
                looks.add()
              }
              part.exit()
            }
          })
      }
      while looks.value == 0 { _ = table.exchange(Mortal(), at: 0) }
      for round in 0..<20_000 {
        let old = table.exchange(round % 7 == 0 ? nil : Mortal(), at: 0)
        quiescence.wait()
        old?.die()
      }
      isDone.set()
      for reader in readers { reader.join() }
    }
  }
}

/// An object that can be told that its time is over.
private final class Mortal: Sendable {
  private let state = Atomic(true)
  var isAlive: Bool { state.load(ordering: .relaxed) }
  func die() { state.store(false, ordering: .relaxed) }
}
