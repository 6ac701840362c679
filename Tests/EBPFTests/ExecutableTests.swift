// SPDX-License-Identifier: Apache-2.0

import EBPF
import Synchronization
import Syscalls
import Testing

@Suite struct ExecutableTests {
  @Test(arguments: Engine.allCases)
  func oneExecutableRunsOnManyThreadsAtOnce(_ engine: Engine) throws {
    // Counts r1 down, calling a function each time, and then reads a hole if r2 says so.
    let program =
      [Code.copy(6, from: 1), Code.copy(7, from: 2), Code.move(8, 0)] + [
        Code.callLocal(6), RawInstruction(opcode: 0x0f, destination: 8, source: 0),
        Code.add(6, -1), RawInstruction(opcode: 0x55, destination: 6, offset: -4),
        Code.copy(0, from: 8), Code.memory(0x71, 1, 7, 0), Code.exit,
        Code.copy(0, from: 6), Code.exit,
      ]
    let executable = try Executable(
      ProgramSpec(name: "sum", instructions: program), engine: engine)
    let wrong = Atomic(0)
    try withThreads(4) {
      guard let sandbox = try? Sandbox() else {
        wrong.add(1, ordering: .relaxed)
        return
      }
      for round in UInt64(1)...300 {
        let outcome = sandbox.machine.run(
          executable, round, round % 3 == 0 ? 64 : sandbox.offset)
        let expected =
          round % 3 == 0
          ? Outcome(value: 0, fault: .memory) : Outcome(value: round * (round + 1) / 2)
        if outcome != expected { wrong.add(1, ordering: .relaxed) }
        // Generated code comes and goes while other threads fault.
        if (try? Executable(ProgramSpec(name: "sum", instructions: program), engine: engine)) == nil
        {
          wrong.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  private func withThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) throws {
    guard count > 0 else { return }
    let thread = try Thread(name: "ebpf", body)
    try withThreads(count - 1, body)
    thread.join()
  }

  @Test func aProgramMayHaveThousandsOfFunctions() throws {
    // The first calls all others, each of which returns its number.
    let count = 4_000
    var program = [Code.move(6, 0)]
    for _ in 0..<count {
      // From slot 1 + 2n to slot 3 + 2 * count + 2n.
      program.append(Code.callLocal(Int32(2 * count + 1)))
      program.append(RawInstruction(opcode: 0x0f, destination: 6, source: 0))
    }
    program += [Code.copy(0, from: 6), Code.exit]
    for index in 0..<count { program += [Code.move(0, Int32(index)), Code.exit] }
    let sandbox = try Sandbox()
    for engine in Engine.allCases {
      let expected = Outcome(value: UInt64(count * (count - 1) / 2))
      #expect(try sandbox.run(program, engine: engine) == expected)
    }
  }
}
