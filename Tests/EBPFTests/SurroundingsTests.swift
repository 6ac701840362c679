// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF
import Testing

/// Time and chance, as programs see them.
@Suite struct SurroundingsTests {
  /// The clocks among the helpers, and what a second is to each.
  @Test(arguments: [5, 118, 125, 160, 208], Engine.allCases)
  func aThreadStopsTheClocksOfItsPrograms(helper: Int32, engine: Engine) throws {
    let runner = try makeRunner()
    let clock = try executable(helper, engine)
    Surroundings.fix(at: 5_000_000_000)
    defer { Surroundings.release() }
    let expected: UInt64 = helper == 118 ? 5 * 250 : 5_000_000_000
    #expect(runner.run(clock, 0) == Outcome(value: expected))
    #expect(runner.run(clock, 0) == Outcome(value: expected))
    Surroundings.release()
    let now = runner.run(clock, 0).value
    #expect(now != expected)
    #expect(runner.run(clock, 0).value >= now)
  }

  @Test(arguments: Engine.allCases)
  func chanceBeginsFromTheSameNumberWhileTimeIsFixed(engine: Engine) throws {
    let chance = try executable(7, engine)
    func numbers() throws -> [UInt64] {
      let runner = try makeRunner()
      return (0..<8).map { _ in runner.run(chance, 0).value }
    }
    Surroundings.fix(at: 1)
    defer { Surroundings.release() }
    let first = try numbers()
    #expect(Set(first).count == 8)
    #expect(try numbers() == first)
    Surroundings.release()
    #expect(try numbers() != first)
  }

  private func makeRunner() throws -> Runner {
    try Runner(store: MapStore(arena: try Arena()))
  }

  private func executable(_ helper: Int32, _ engine: Engine) throws -> Executable {
    try Executable(
      ProgramSpec(name: "test", instructions: [Code.call(helper), Code.exit]), helpers: .general,
      engine: engine)
  }
}
