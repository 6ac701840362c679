// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Syscalls

/// Set once, by any thread.
final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}

/// Counted by any thread.
final class Counter: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add() { count.add(1, ordering: .relaxed) }
}

/// A thread that an array can hold.
final class Joined: Sendable {
  private let thread: Mutex<Thread?>

  init(_ thread: consuming Thread) {
    self.thread = Mutex(consume thread)
  }

  func join() {
    let running = thread.withLock { $0.take() }
    running?.join()
  }
}
