// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Synchronization
import Syscalls
import Testing

struct RingTests {
  @Test(arguments: [Ring.SetupFlags.standard, [], .singleIssuer, [.singleIssuer, .deferredTasks]])
  func aBatchCompletesInOrderWithItsTokens(flags: Ring.SetupFlags) throws {
    let ring = try Ring(entries: 32, flags: flags)
    for round in 0..<100 as Range<UInt64> {
      let expected = round * 32..<round * 32 + 32
      for token in expected {
        let hasRoom = ring.submission.enqueue(Nop(), token: token)
        try #require(hasRoom)
      }
      let hasRoom = ring.submission.enqueue(Nop(), token: 99)
      #expect(!hasRoom)
      let arrived = try ring.submitAndWait(32)
      #expect(arrived == 32)
      var tokens: [UInt64] = []
      let taken = ring.completion.drain {
        tokens.append($0.token)
        #expect($0.result == 0 && $0.errno == nil && !$0.hasMore)
      }
      #expect(taken == 32 && tokens == Array(expected))
    }
    let rest = ring.completion.take()
    #expect(rest == nil)
  }

  @Test func whatIsPreparedIsCountedUntilItIsSubmitted() throws {
    let ring = try Ring(entries: 8)
    for token in 0..<3 as Range<UInt64> { _ = ring.submission.enqueue(Nop(), token: token) }
    let before = (ring.submission.count, ring.submission.space, ring.completion.count)
    #expect(before == (3, 5, 0))
    let submitted = try ring.submit()
    let after = (ring.submission.count, ring.submission.space)
    #expect(submitted == 3 && after == (0, 8))
  }

  @Test func aBatchCanBeTakenInParts() throws {
    let ring = try Ring(entries: 8)
    for token in 0..<5 as Range<UInt64> { _ = ring.submission.enqueue(Nop(), token: token) }
    try ring.wait(5)
    var tokens: [UInt64] = []
    ring.completion.drain(limit: 2) { tokens.append($0.token) }
    let third = ring.completion.take()?.token
    let peeked = (ring.completion[0].token, ring.completion[1].token)
    ring.completion.advance(by: 2)
    let left = ring.completion.count
    #expect(tokens == [0, 1] && third == 2 && peeked == (3, 4) && left == 0)
  }

  @Test func completionsThatFindNoRoomAreHeldBackNotLost() throws {
    let ring = try Ring(entries: 4, completionEntries: 4)
    for round in 0..<3 as Range<UInt64> {
      for token in 0..<4 as Range<UInt64> {
        _ = ring.submission.enqueue(Nop(), token: round * 4 + token)
      }
      try ring.submit()
    }
    let full = ring.completion.count
    let isHeldBack = ring.completion.hasHeldBack
    #expect(full == 4 && isHeldBack)
    var tokens: [UInt64] = []
    while tokens.count < 12 {
      let taken = ring.completion.drain { tokens.append($0.token) }
      if taken == 0 { try ring.completion.collect() }
    }
    let remains = ring.completion.hasHeldBack
    #expect(tokens == Array(0..<12) && !remains)
  }

  @Test func aDrainedOperationWaitsForThoseBefore() throws {
    let pipe = try Pipe()
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(PollAdd(pipe.reader.raw, for: .readable), token: 1)
    _ = ring.submission.enqueue(Nop(), token: 2, flags: .drain)
    let early = try ring.submitAndWait(1, timeout: .milliseconds(5))
    #expect(early == 0)
    signal(pipe.writer)
    try ring.wait(2)
    let tokens = [ring.completion.take()?.token, ring.completion.take()?.token]
    #expect(tokens == [1, 2])
  }

  @Test func theTimeRunsOutWithNothing() throws {
    let ring = try Ring(entries: 4)
    let start = MonotonicClock.now
    let arrived = try ring.submitAndWait(1, timeout: .milliseconds(5))
    #expect(arrived == 0)
    #expect(MonotonicClock.now - start >= 5_000_000)
    let looked = try ring.submitAndWait(0)
    #expect(looked == 0)
  }

  @Test(arguments: [0, 32_769, .max] as [UInt32])
  func aNumberOfEntriesThatNoRingHasSaysSo(entries: UInt32) {
    let error = #expect(throws: SystemCallError.self) { _ = try Ring(entries: entries) }
    #expect(error == SystemCallError("io_uring_setup", errno: .invalidArgument))
  }

  @Test func flagsThatContradictEachOtherSaySo() {
    let error = #expect(throws: SystemCallError.self) {
      _ = try Ring(entries: 4, flags: .deferredTasks)
    }
    #expect(error?.errno == .invalidArgument)
  }

  @Test func aKernelThatDoesNotKnowAFasterFlagGivesARingWithoutIt() throws {
    // Alone, without cooperative tasks, every kernel refuses this flag; older ones refuse all three.
    let ring = try Ring(entries: 4, flags: .taskFlag)
    #expect(ring.flags.isDisjoint(with: [.singleIssuer, .cooperativeTasks, .taskFlag]))
    _ = ring.submission.enqueue(Nop(), token: 1)
    let arrived = try ring.wait()
    #expect(arrived == 1)
  }

  @Test func aRingWithOneIssuerRefusesAnother() throws {
    let ring = try Ring(entries: 4)
    let box = Handed(ring)
    let refusal = Mutex<Errno?>(nil)
    let thread = try Thread(name: "intruder") {
      do throws(SystemCallError) {
        _ = box.ring.submission.enqueue(Nop(), token: 1)
        try box.ring.submit()
      } catch {
        refusal.withLock { $0 = error.errno }
      }
    }
    thread.join()
    #expect(refusal.withLock { $0 } == .fileExists)
  }

  @Test func whoEnablesARingOwnsIt() throws {
    let box = Handed(try Ring(entries: 4, flags: [.standard, .startDisabled]))
    let outcome = Mutex<Result<UInt32, SystemCallError>?>(nil)
    let thread = try Thread(name: "owner") {
      do throws(SystemCallError) {
        try box.ring.enable()
        _ = box.ring.submission.enqueue(Nop(), token: 1)
        let count = try box.ring.submitAndWait()
        outcome.withLock { $0 = .success(count) }
      } catch {
        outcome.withLock { $0 = .failure(error) }
      }
    }
    thread.join()
    #expect(outcome.withLock { $0 } == .success(1))
  }

  @Test func aRingThatIsNotEnabledRefusesItsOwner() throws {
    let ring = try Ring(entries: 4, flags: .startDisabled)
    _ = ring.submission.enqueue(Nop(), token: 1)
    let error = #expect(throws: SystemCallError.self) { try ring.submit() }
    #expect(error == SystemCallError("io_uring_enter", errno: Errno(rawValue: EBADFD)))
  }

  @Test func theEndOfTheValueLetsGoOfEverything() throws {
    // The ring alone holds the writing end, so the reader sees the ring go. The kernel takes its time over it.
    let ring = try Ring(entries: 1)
    let pipe = try Pipe()
    let reader = pipe.reader
    try ring.registerFiles([pipe.writer.raw])
    end(pipe.writer)
    #expect(try Poll.wait(reader.raw, for: .readable, timeout: .zero) == [])
    end(ring)
    #expect(try Poll.wait(reader.raw, for: .readable, timeout: .seconds(30)) == .hangUp)
  }
}

extension Ring {
  /// Submits and waits, but not for ever: what should come and does not fails the test instead of hanging it.
  @discardableResult
  func wait(_ count: UInt32 = 1) throws(SystemCallError) -> UInt32 {
    let arrived = try submitAndWait(count, timeout: .seconds(30))
    if arrived < count { throw SystemCallError("io_uring_enter", errno: .timedOut) }
    return arrived
  }
}

/// Ends a value's life here, and with it whatever it owns.
private func end<Value: ~Copyable>(_ value: consuming Value) {}

/// Writes one octet.
private func signal(_ writer: borrowing FileDescriptor) {
  unsafe _ = write(writer.raw, "x", 1)
}

/// Carries a ring to another thread, which the test joins before it ends.
final class Handed: Sendable {
  let ring: Ring
  init(_ ring: consuming Ring) { self.ring = ring }
}
