// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization
import Syscalls
import Testing

struct ThreadTests {
  @Test func joinWaitsForTheEnd() throws {
    let done = Shared(false)
    let thread = try Thread(name: "waiter") {
      Thread.sleep(for: .milliseconds(5))
      done.value.store(true, ordering: .relaxed)
    }
    thread.join()
    let isDone = done.value.load(ordering: .relaxed)
    #expect(isDone)
  }

  @Test func theEndOfTheValueWaitsToo() throws {
    let done = Shared(false)
    do {
      let thread = try Thread(name: "dropped") {
        Thread.sleep(for: .milliseconds(5))
        done.value.store(true, ordering: .relaxed)
      }
      _ = consume thread
    }
    let isDone = done.value.load(ordering: .relaxed)
    #expect(isDone)
  }

  @Test(arguments: [
    ("worker-1", "worker-1"), ("a name that is too long", "a name that is "), ("", ""),
  ])
  func theKernelKnowsTheName(name: String, kept: String) throws {
    let seen = Mutex("")
    let thread = try Thread(name: name) {
      seen.withLock { $0 = TextFile.contents("/proc/thread-self/comm") ?? "unreadable" }
    }
    thread.join()
    #expect(seen.withLock { $0 } == kept)
  }

  @Test func aPinnedThreadRunsWhereItWasPut() throws {
    for processor in CPUSet.allowed.processors {
      let seen = Mutex(CPUSet())
      let thread = try Thread(name: "pinned", on: [processor]) {
        seen.withLock { $0 = CPUSet.allowed }
      }
      thread.join()
      #expect(seen.withLock { $0 } == [processor])
    }
  }

  @Test func aThreadCanPinItself() throws {
    let outcome = Mutex<Errno?>(nil)
    let seen = Mutex(CPUSet())
    let processor = try #require(CPUSet.allowed.processors.last)
    let thread = try Thread(name: "pins itself") {
      do throws(SystemCallError) {
        try Thread.pinCurrent(to: [processor])
        seen.withLock { $0 = CPUSet.allowed }
        try Thread.pinCurrent(to: [1023])
      } catch {
        outcome.withLock { $0 = error.errno }
      }
    }
    thread.join()
    #expect(seen.withLock { $0 } == [processor])
    #expect(outcome.withLock { $0 } == .invalidArgument)
  }

  @Test func aProcessorThatIsNotThereIsTheCreatorsError() {
    let error = #expect(throws: SystemCallError.self) {
      _ = try Thread(name: "nowhere", on: [1023]) {}
    }
    #expect(error?.call == "pthread_create" && error?.errno == .invalidArgument)
    #expect(error?.subject == "nowhere")
  }

  @Test func everyThreadHasItsNumber() throws {
    let number = Shared(0 as Int32)
    let thread = try Thread(name: "number") {
      number.value.store(Thread.currentID, ordering: .relaxed)
      Thread.yield()
    }
    thread.join()
    let seen = number.value.load(ordering: .relaxed)
    #expect(seen > 0 && seen != Thread.currentID)
  }
}

/// An atomic value that closures can share.
private final class Shared<Value: AtomicRepresentable & Sendable>: Sendable {
  let value: Atomic<Value>
  init(_ value: consuming Value) { self.value = Atomic(value) }
}
