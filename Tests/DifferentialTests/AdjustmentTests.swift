// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import Syscalls
import TestSupport
import Testing
import XDPFrame

/// The kernel and this library, given the same packets and the same steps.
@Suite(.requiresKernelPrograms) struct AdjustmentTests {
  /// SEQUENCES and SEED of the environment: how many, and the first one's seed.
  static let sequenceCount = environment("SEQUENCES") ?? 100_000
  static let seed = environment("SEED") ?? Int(MonotonicClock.now % 1_000_000_000)

  private static func environment(_ name: String) -> Int? {
    unsafe getenv(name).flatMap { unsafe Int(String(cString: $0)) }
  }

  @Test func randomSequencesEndAsInTheKernel() throws {
    let shared = Progress(count: Self.sequenceCount)
    let threads = max(1, CPUSet.allowed.processors.count)
    try withThreads(threads) { shared.work(from: Self.seed) }
    for failure in shared.failures { Issue.record("\(failure)") }
    print(
      "\(shared.agreed) of \(Self.sequenceCount) sequences agreed with the kernel (SEED=\(Self.seed))"
    )
    #expect(shared.agreed == Self.sequenceCount)
  }

  @Test(arguments: OracleRow.all)
  func aKnownAnswerHolds(row: OracleRow) throws {
    let ours = try Ours().run(row.script, filler: 0)
    let kernel = try KernelOracle().run(row.script)
    #expect(ours.answers[0].result == row.result)
    #expect(ours.answers[0].length == row.length)
    #expect(ours.answers[0].linear == row.linear)
    #expect(ours.answers[0].metadata == row.metadata)
    #expect(kernel.answers == ours.answers)
  }

  @Test func aWrongAnswerIsNoticed() throws {
    // The comparison itself must be able to fail: one octet, one length, one result.
    let script = PacketScript.random(7)
    let ours = try Ours().run(script, filler: 0)
    let other = try Ours().run(script, filler: 255)
    #expect(Comparison(ours, other).difference(from: ours) == nil)
    var wrong = ours
    wrong.octets[wrong.octets.count - 1] ^= 1
    #expect(Comparison(ours, other).difference(from: wrong) != nil)
    wrong = ours
    wrong.answers[0].length += 1
    #expect(Comparison(ours, other).difference(from: wrong) != nil)
    wrong = ours
    wrong.answers[0].result -= 1
    #expect(Comparison(ours, other).difference(from: wrong) != nil)
  }
}

/// Does something on several threads at once, and waits for all.
private func withThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
  guard count > 0 else { return }
  let thread = try Thread(name: "differential", body)
  try withThreads(count - 1, body)
  thread.join()
}

/// Sequences that are shared out to threads.
private final class Progress: Sendable {
  private let count: Int
  private let next = Atomic(0)
  private let good = Atomic(0)
  private let bad = Mutex<[String]>([])

  init(count: Int) { self.count = count }

  var agreed: Int { good.load(ordering: .acquiring) }
  var failures: [String] { bad.withLock { $0 } }

  func work(from seed: Int) {
    do {
      let (kernel, ours) = (try KernelOracle(), try Ours())
      while failures.count < 5 {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < count else { return }
        try check(seed + number, kernel, ours)
      }
    } catch {
      note("\(error)")
    }
  }

  private func check(_ seed: Int, _ kernel: KernelOracle, _ ours: Ours) throws {
    let script = PacketScript.random(UInt64(seed))
    do {
      let theirs = try kernel.run(script)
      let comparison = Comparison(
        try ours.run(script, filler: 0), try ours.run(script, filler: 255))
      guard let difference = comparison.difference(from: theirs) else {
        good.wrappingAdd(1, ordering: .releasing)
        return
      }
      note("SEED=\(seed) SEQUENCES=1: \(script): \(difference)")
    } catch let error as KernelOracle.Refused {
      note("SEED=\(seed) SEQUENCES=1: \(script): \(error)")
    }
  }

  private func note(_ text: String) { bad.withLock { $0.append(text) } }
}
