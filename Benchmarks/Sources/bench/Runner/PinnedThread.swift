// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A thread that runs one piece of work on one CPU.
struct PinnedThread {
  private final class Work {
    let cpu: UInt32
    let body: @Sendable () -> Void
    init(cpu: UInt32, body: @escaping @Sendable () -> Void) { (self.cpu, self.body) = (cpu, body) }
  }

  private let thread: pthread_t

  init(on cpu: UInt32, _ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    // Safe: the new thread takes over the reference that it is passed.
    let work = unsafe Unmanaged.passRetained(Work(cpu: cpu, body: body)).toOpaque()
    let failure = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let work = unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
        _ = clinux_pin(work.cpu)
        work.body()
        return nil
      }, work)
    precondition(failure == 0, "A benchmark needs its threads.")
    self.thread = thread
  }

  func join() { pthread_join(thread, nil) }
}
