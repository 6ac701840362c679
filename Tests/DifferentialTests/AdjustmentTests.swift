// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import XDPFrame

/// The kernel and this library, given the same packets and the same steps.
@Suite(.requiresKernelPrograms) struct AdjustmentTests {
  /// SEQUENCES and SEED of the environment: how many, and the first one's seed.
  static let sequenceCount = RandomCases.environment("SEQUENCES") ?? 100_000

  @Test func randomSequencesEndAsInTheKernel() throws {
    let cases = RandomCases(count: Self.sequenceCount, what: "SEQUENCES")
    try cases.run {
      let (kernel, ours) = (try KernelOracle(), try Ours())
      return { try Self.difference(seed: $0, kernel, ours) }
    }
    print(
      "\(cases.agreed) of \(cases.count) sequences agreed with the kernel (SEED=\(cases.seed))")
    #expect(cases.agreed == cases.count)
  }

  private static func difference(
    seed: UInt64, _ kernel: KernelOracle, _ ours: Ours
  ) throws -> String? {
    let script = PacketScript.random(seed)
    let comparison = Comparison(
      try ours.run(script, filler: 0), try ours.run(script, filler: 255))
    do {
      return comparison.difference(from: try kernel.run(script)).map { "\(script): \($0)" }
    } catch let error as KernelOracle.Refused {
      return "\(script): \(error)"
    }
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
