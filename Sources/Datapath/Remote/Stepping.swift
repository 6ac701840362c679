// SPDX-License-Identifier: Apache-2.0

/// Who runs the workers of a datapath.
public enum WorkerMode: Sendable {
  /// Each has a thread, on its CPU.
  case threads
  /// They have none: one thread calls ``CPUMapEntry/poll()`` in an order of its own, so that the same packets always
  /// meet the same fate. The CPUs of the entries are names, and need not exist.
  case stepped
}

/// A worker that takes a step when it is told to, or none: then the entry's worker has a thread.
final class SteppedWorker: @unchecked Sendable {
  // Safe: one thread makes the datapath's changes and its steps.
  private var worker: Worker?

  func begin(_ worker: Worker) { self.worker = worker }

  /// Takes one burst; answers how many frames there were.
  func step() -> Int { worker?.poll() ?? 0 }

  /// Empties the queue and ends.
  func end() {
    while step() > 0 {}
    worker = nil
  }
}

extension CPUMapEntry {
  /// Takes one burst from the queue and sees each frame to its end, on the calling thread.
  ///
  /// For a datapath whose workers are ``WorkerMode/stepped``; by the thread that made it.
  ///
  /// - Returns: How many frames there were; 0 means that none were waiting, or that the worker has a thread.
  @discardableResult
  public func poll() -> Int {
    currentPhase == .working ? stepped.step() : 0
  }
}
