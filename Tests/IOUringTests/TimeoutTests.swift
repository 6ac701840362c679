// SPDX-License-Identifier: Apache-2.0

import CLibURing
import CLinux
import IOUring
import Syscalls
import Testing

struct TimeoutTests {
  @Test func aTimeIsOver() throws {
    let ring = try Ring(entries: 8)
    let start = MonotonicClock.now
    var time = __kernel_timespec(tv_sec: 0, tv_nsec: 3_000_000)
    try unsafe withUnsafeMutablePointer(to: &time) {
      _ = unsafe ring.submission.enqueue(Timeout($0), token: 1)
      try ring.submit()
    }
    try ring.wait()
    let over = ring.completion.take()
    #expect(over?.token == 1 && over?.errno == .timerExpired)
    #expect(MonotonicClock.now - start >= 3_000_000)
  }

  @Test func aTimeCanBeCancelled() throws {
    let ring = try Ring(entries: 8)
    var time = __kernel_timespec(tv_sec: 3600, tv_nsec: 0)
    try unsafe withUnsafeMutablePointer(to: &time) {
      _ = unsafe ring.submission.enqueue(Timeout($0), token: 1)
      try ring.submit()
    }
    _ = ring.submission.enqueue(Cancel(token: 1), token: 2)
    try ring.wait(2)
    var errnos: [UInt64: Errno?] = [:]
    ring.completion.drain { errnos.updateValue($0.errno, forKey: $0.token) }
    #expect(errnos == [1: .canceled, 2: nil])
  }
}

struct CancelTests {
  @Test func aMultishotPollIsEnded() throws {
    let event = try EventFD()
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(
      PollAdd(event.descriptor.raw, for: .readable, multishot: true), token: 1)
    event.signal()
    try ring.wait()
    let heard = ring.completion.take()
    #expect(heard?.hasMore == true)
    _ = ring.submission.enqueue(Cancel(token: 1), token: 2)
    try ring.wait(2)
    var completions: [UInt64: Completion] = [:]
    ring.completion.drain { completions[$0.token] = $0 }
    #expect(completions[1]?.errno == .canceled && completions[1]?.hasMore == false)
    #expect(completions[2]?.result == 0)
    event.drain()
    event.signal()
    let quiet = try ring.submitAndWait(1, timeout: .milliseconds(5))
    #expect(quiet == 0)
  }

  @Test func allThatWaitOnADescriptorAreEnded() throws {
    let event = try EventFD()
    let ring = try Ring(entries: 8)
    for token in 1...3 as ClosedRange<UInt64> {
      _ = ring.submission.enqueue(PollAdd(event.descriptor.raw, for: .readable), token: token)
    }
    _ = ring.submission.enqueue(Cancel(allOn: event.descriptor.raw), token: 9)
    try ring.wait(4)
    var results: [UInt64: Int32] = [:]
    ring.completion.drain { results[$0.token] = $0.result }
    #expect(results == [1: -ECANCELED, 2: -ECANCELED, 3: -ECANCELED, 9: 3])
  }

  @Test func whatIsNotThereCannotBeEnded() throws {
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(Cancel(token: 4711), token: 1)
    try ring.wait()
    let answer = ring.completion.take()
    #expect(answer?.errno == .noSuchFileOrDirectory)
  }
}
