// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Syscalls
import Testing

struct PollAddTests {
  @Test func onePollCompletesOnce() throws {
    let event = try EventFD()
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(PollAdd(event.descriptor.raw, for: .readable), token: 1)
    let early = try ring.submitAndWait(1, timeout: .milliseconds(5))
    #expect(early == 0)
    event.signal()
    try ring.wait()
    let heard = ring.completion.take()
    #expect(heard?.token == 1 && heard?.pollEvents == .readable && heard?.hasMore == false)
    event.signal()
    let again = try ring.submitAndWait(1, timeout: .milliseconds(5))
    #expect(again == 0)
  }

  @Test func aMultishotPollCompletesEachTime() throws {
    let event = try EventFD()
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(
      PollAdd(event.descriptor.raw, for: .readable, multishot: true), token: 1)
    for _ in 0..<10 {
      event.signal()
      try ring.wait()
      let heard = ring.completion.take()
      #expect(heard?.token == 1 && heard?.pollEvents == .readable && heard?.hasMore == true)
      event.drain()
    }
  }

  @Test func aDescriptorThatIsNoneFails() throws {
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(PollAdd(-1, for: .readable), token: 1)
    try ring.wait()
    let heard = ring.completion.take()
    #expect(heard?.errno == .badFileDescriptor && heard?.pollEvents == [])
  }

  @Test func aLoopThatOnlyLooksAtMemoryIsToldToCollect() throws {
    let event = try EventFD()
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(PollAdd(event.descriptor.raw, for: .readable), token: 1)
    try ring.submit()
    let thread = try Thread(name: "signals") { [raw = try event.descriptor.duplicate().take()] in
      let mine = FileDescriptor(owning: raw)
      _ = eventfd_write(mine.raw, 1)
    }
    thread.join()
    while ring.completion.count == 0 {
      if ring.completion.hasHeldBack { try ring.completion.collect() }
    }
    let token = ring.completion.take()?.token
    #expect(token == 1)
  }
}
