// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Synchronization
import Syscalls
import Testing

struct MessageRingTests {
  @Test func aMessageArrivesInTheOtherRing() throws {
    let sender = try Ring(entries: 8)
    let receiver = try Ring(entries: 8)
    _ = sender.submission.enqueue(
      MessageRing(to: receiver.descriptor, token: 0xbeef, result: 77), token: 1)
    try sender.wait()
    let sent = sender.completion.take()
    #expect(sent?.token == 1 && sent?.result == 0)
    try receiver.wait()
    let received = receiver.completion.take()
    #expect(received == Completion(token: 0xbeef, result: 77, flags: 0))
  }

  @Test func oneThatSucceedsSilentlyLeavesNothingWithItsSender() throws {
    let sender = try Ring(entries: 8)
    let receiver = try Ring(entries: 8)
    for token in 0..<8 as Range<UInt64> {
      _ = sender.submission.enqueue(
        MessageRing(to: receiver.descriptor, token: token), token: 1, flags: .silentSuccess)
    }
    try sender.submit()
    try receiver.wait(8)
    var tokens: [UInt64] = []
    receiver.completion.drain { tokens.append($0.token) }
    let left = sender.completion.count
    #expect(tokens == Array(0..<8) && left == 0)
  }

  @Test(arguments: [Ring.SetupFlags.standard, [.singleIssuer, .deferredTasks]])
  func aRingThatSleepsIsWoken(flags: Ring.SetupFlags) throws {
    let sleeper = Handed(try Ring(entries: 8, flags: flags.union(.startDisabled)))
    let tokens = Mutex<[UInt64]>([])
    let isEnabled = Atomic(false)
    let failure = Mutex<SystemCallError?>(nil)
    try withThread("sleeper") {
      do throws(SystemCallError) {
        try sleeper.ring.enable()
        isEnabled.store(true, ordering: .releasing)
        while tokens.withLock({ $0.count }) < 3 {
          try sleeper.ring.submitAndWait()
          sleeper.ring.completion.drain { completion in
            tokens.withLock { $0.append(completion.token) }
          }
        }
      } catch {
        failure.withLock { $0 = error }
        isEnabled.store(true, ordering: .releasing)
      }
    } while: {
      while !isEnabled.load(ordering: .acquiring) { Thread.yield() }
      let sender = try Ring(entries: 8)
      for token in 1...3 as ClosedRange<UInt64> {
        _ = sender.submission.enqueue(
          MessageRing(to: sleeper.ring.descriptor, token: token), token: token,
          flags: .silentSuccess)
        try sender.submit()
        // Long enough for the other to fall asleep again; nothing depends on whether it did.
        Thread.sleep(for: .milliseconds(2))
      }
      let failures = sender.completion.count
      #expect(failures == 0)
    }
    #expect(failure.withLock { $0 } == nil)
    #expect(tokens.withLock { $0 } == [1, 2, 3])
  }

  @Test func aThreadWithoutARingCanSendToo() throws {
    let receiver = try Ring(entries: 8)
    let descriptor = receiver.descriptor
    let refusal = MessageRing(to: descriptor, token: 5, result: 6).send()
    if refusal == .invalidArgument, KernelVersion.running < KernelVersion(6, 13) {
      try Test.cancel("IORING_REGISTER_SEND_MSG_RING came with Linux 6.13")
    }
    #expect(refusal == nil)
    try receiver.wait()
    let received = receiver.completion.take()
    #expect(received?.token == 5 && received?.result == 6)
  }

  @Test func aRingThatIsDisabledOrNoneRefuses() throws {
    let sender = try Ring(entries: 8)
    let disabled = try Ring(entries: 8, flags: .startDisabled)
    let event = try EventFD()
    for descriptor in [disabled.descriptor, event.descriptor.raw] {
      _ = sender.submission.enqueue(MessageRing(to: descriptor, token: 1), token: 1)
    }
    try sender.wait(2)
    let errnos = [sender.completion.take()?.errno, sender.completion.take()?.errno]
    #expect(errnos == [Errno(rawValue: EBADFD), Errno(rawValue: EBADFD)])
  }

  @Test func aFullRingHoldsMessagesBackOrRefuses() throws {
    let sender = try Ring(entries: 8)
    let receiver = try Ring(entries: 1, completionEntries: 2)
    var accepted = 0
    for token in 0..<8 as Range<UInt64> {
      _ = sender.submission.enqueue(
        MessageRing(to: receiver.descriptor, token: token), token: token)
    }
    try sender.wait(8)
    sender.completion.drain {
      #expect($0.errno == nil || $0.errno == .valueOverflow)
      if $0.errno == nil { accepted += 1 }
    }
    var received = 0
    while received < accepted {
      let taken = receiver.completion.drain { _ in received += 1 }
      if taken == 0 { try receiver.completion.collect() }
    }
    #expect(received == accepted && accepted >= 2)
  }
}

/// Runs something on a thread while the test does something else, and joins it however that ends.
private func withThread(
  _ name: String, _ body: @escaping @Sendable () -> Void, while other: () throws -> Void
) throws {
  let thread = try Thread(name: name, body)
  try other()
  thread.join()
}
