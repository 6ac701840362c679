// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

private final class Work {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

/// A thread that was started and is still to be joined.
struct RunningThread {
  fileprivate let thread: pthread_t

  /// Waits for the thread to end.
  func join() {
    pthread_join(thread, nil)
  }
}

/// Starts a thread.
func startThread(_ body: @escaping () -> Void) -> RunningThread {
  var thread = pthread_t()
  // Safe: the box is retained here and released by the thread.
  let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
  let code = unsafe pthread_create(
    &thread, nil,
    {
      guard let context = unsafe $0 else { return nil }
      unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
      return nil
    }, work)
  precondition(code == 0, "A test needs a thread.")
  return RunningThread(thread: thread)
}

/// Runs a body on another thread and waits for it.
func onAnotherThread(_ body: @escaping () -> Void) {
  startThread(body).join()
}
