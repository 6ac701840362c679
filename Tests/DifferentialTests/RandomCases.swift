// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import Syscalls
import Testing

/// Cases that differ by their seed, shared out to one thread per CPU.
final class RandomCases: Sendable {
  /// How many.
  let count: Int
  /// The first one's seed: SEED of the environment, or another one each time.
  let seed = environment("SEED") ?? Int(MonotonicClock.now % 1_000_000_000)
  private let what: String
  private let next = Atomic(0)
  private let good = Atomic(0)
  private let bad = Mutex<[String]>([])

  /// Plans cases whose number the environment calls `what`.
  init(count: Int, what: String) {
    self.count = count
    self.what = what
  }

  static func environment(_ name: String) -> Int? {
    unsafe getenv(name).flatMap { unsafe Int(String(cString: $0)) }
  }

  /// The cases in which nothing differed.
  var agreed: Int { good.load(ordering: .acquiring) }

  /// Runs all of them, or until five differ, and records what differs.
  ///
  /// Each thread calls `prepare` for what compares one case and says what differs.
  func run(_ prepare: @escaping @Sendable () throws -> (UInt64) throws -> String?) throws {
    let threads = max(1, CPUSet.allowed.processors.count)
    try withThreads(min(threads, count)) { self.work(prepare) }
    for failure in bad.withLock({ $0 }) { Issue.record("\(failure)") }
  }

  private func work(_ prepare: () throws -> (UInt64) throws -> String?) {
    do {
      let difference = try prepare()
      while bad.withLock({ $0.count }) < 5 {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < count else { return }
        if let text = try difference(UInt64(seed + number)) {
          note("SEED=\(seed + number) \(what)=1: \(text)")
        } else {
          good.wrappingAdd(1, ordering: .releasing)
        }
      }
    } catch {
      note("\(error)")
    }
  }

  private func note(_ text: String) { bad.withLock { $0.append(text) } }
}

/// Does something on several threads at once, and waits for all.
private func withThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
  guard count > 0 else { return }
  let thread = try Thread(name: "differential", body)
  try withThreads(count - 1, body)
  thread.join()
}
