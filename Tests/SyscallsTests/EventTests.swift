// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct EventFDTests {
  @Test func signalsAreCountedUntilDrained() throws {
    let event = try EventFD()
    let none = event.drain()
    for _ in 0..<3 { event.signal() }
    let three = event.drain()
    let rest = event.drain()
    #expect((none, three, rest) == (0, 3, 0))
  }

  @Test func aSignalWakesWhoSleeps() throws {
    let event = try EventFD()
    let raw = event.descriptor.raw
    let copy = try event.descriptor.duplicate().take()
    let sleeper = try Thread(name: "sleeper") {
      let mine = FileDescriptor(owning: copy)
      _ = try? Poll.wait(mine.raw, for: .readable)
    }
    event.signal()
    sleeper.join()
    #expect(try Poll.wait(raw, for: .readable, timeout: .zero) == .readable)
  }
}

struct PollTests {
  @Test func theTimeRunsOutWithNothing() throws {
    let pipe = try Pipe()
    let raw = pipe.reader.raw
    #expect(try Poll.wait(raw, for: .readable, timeout: .zero) == [])
    #expect(try Poll.wait(raw, for: .readable, timeout: .milliseconds(2)) == [])
  }

  @Test func whatHappenedIsReported() throws {
    let pipe = try Pipe()
    #expect(try Poll.wait(pipe.writer.raw, for: .writable, timeout: .zero) == .writable)
    let reader = pipe.reader
    end(pipe.writer)
    #expect(try Poll.wait(reader.raw, for: .readable, timeout: .zero) == .hangUp)
  }
}

struct EpollTests {
  @Test func eventsCarryTheirTokens() throws {
    let epoll = try Epoll()
    let first = try EventFD()
    let second = try EventFD()
    try epoll.add(first.descriptor.raw, for: .readable, token: 1)
    try epoll.add(second.descriptor.raw, for: .readable, token: .max)
    let quiet = try epoll.wait(timeout: .zero)
    #expect(quiet.isEmpty)
    first.signal()
    second.signal()
    let both = try epoll.wait()
    #expect(Set(both.map(\.token)) == [1, .max])
    #expect(both.allSatisfy { $0.events == .readable })
    let one = try epoll.wait(limit: 1)
    #expect(one.count == 1)
  }

  @Test func aDescriptorCanBeChangedAndRemoved() throws {
    let epoll = try Epoll()
    let event = try EventFD()
    try epoll.add(event.descriptor.raw, for: .readable, token: 1)
    try epoll.modify(event.descriptor.raw, for: .writable, token: 2)
    let changed = try epoll.wait(timeout: .seconds(5))
    #expect(changed.map(\.token) == [2] && changed.map(\.events) == [.writable])
    try epoll.remove(event.descriptor.raw)
    let removed = try epoll.wait(timeout: .zero)
    #expect(removed.isEmpty)
    let raw = event.descriptor.raw
    let error = #expect(throws: SystemCallError.self) { try epoll.remove(raw) }
    #expect(error?.call == "epoll_ctl EPOLL_CTL_DEL" && error?.errno == .noSuchFileOrDirectory)
  }
}

struct TimerFDTests {
  @Test func aTimerGoesOffAndAgain() throws {
    let timer = try TimerFD()
    try timer.start(after: .nanoseconds(1), every: .microseconds(200))
    var count: UInt64 = 0
    while count < 3 {
      let ready = try Poll.wait(timer.descriptor.raw, for: .readable, timeout: .seconds(5))
      try #require(ready == .readable)
      count += timer.drain()
    }
    try timer.stop()
    _ = timer.drain()
    let ready = try Poll.wait(timer.descriptor.raw, for: .readable, timeout: .milliseconds(5))
    #expect(ready == [])
  }
}

struct MonotonicClockTests {
  @Test func sleepLastsAtLeastAsLongAsAsked() {
    let start = MonotonicClock.now
    Thread.sleep(for: .milliseconds(3))
    #expect(MonotonicClock.now - start >= 3_000_000)
  }

  @Test func durationsBecomeNanosecondsWithinTheirRange() {
    #expect(Duration.milliseconds(1500).nanoseconds == 1_500_000_000)
    #expect(Duration.seconds(-1).nanoseconds == 0)
    #expect(Duration.milliseconds(-1).nanoseconds == 0)
    #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    #expect(Duration.zero.nanoseconds == 0)
  }
}
