// SPDX-License-Identifier: Apache-2.0

import EBPF
import Testing

/// Lookups that generated code does itself, beside the helper that does them for the interpreter.
@Suite struct ArrayLookupTests {
  private static let handle: UInt32 = 0x1_0003
  private static let count: UInt64 = 5

  /// Helper 1 looks up in the array at `offset`, and says so in a word behind it.
  private static let helpers: HelperTable = {
    var helpers = HelperTable()
    // Safe: the context is followed only as a RunContext.
    unsafe helpers[1] = { map, key, _, _, _, context in
      let context = unsafe RunContext(context)
      let base = context.tailTarget
      _ = context.memory.store64(base + 1_024, 1)
      guard map == ArrayLookupTests.handle else { return 0 }
      guard let index = context.memory.load32(key) else {
        context.faultAddress = key
        context.fault = .memory
        return 0
      }
      return UInt64(index) < ArrayLookupTests.count ? base + UInt64(index) * 24 : 0
    }
    helpers.arrayLookup = 1
    return helpers
  }()

  private func run(
    _ program: [RawInstruction], loads: [Int], _ sandbox: Sandbox, _ engine: Engine,
    key: UInt64 = 0
  ) throws -> (outcome: Outcome, called: Bool) {
    let binding = MapBinding(
      handle: Self.handle, valuesOffset: UInt32(sandbox.offset), entryCount: UInt32(Self.count),
      entryByteCount: 24)
    let spec = ProgramSpec(
      name: "lookup", instructions: program,
      references: loads.map { .init(instruction: $0, target: .map(0)) })
    let executable = try Executable(spec, maps: [binding], helpers: Self.helpers, engine: engine)
    sandbox.machine.context.tailTarget = sandbox.offset
    _ = sandbox.machine.context.memory.store64(sandbox.offset + 1_024, 0)
    let outcome = sandbox.machine.run(executable, key)
    return (outcome, sandbox.word(at: 1_024) == 1)
  }

  @Test(arguments: Engine.allCases)
  func aValueIsFoundByItsNumber(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    // Stores r1 as the key, and answers what was found and what is left in r1 to r5.
    let program =
      [Code.memory(0x63, 10, 1, -4), Code.copy(2, from: 10), Code.add(2, -4)] + [
        Code.move(3, 3), Code.move(4, 4), Code.move(5, 5), Code.move(6, 6),
      ] + Code.wide(1, 0, source: 1) + [Code.call(1)]
      + (1...5).map { RawInstruction(opcode: 0x4f, destination: 0, source: UInt8($0)) }
      + [Code.exit]
    for key: UInt64 in [0, 1, 4, 5, 6, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0002] {
      let low = key & 0xffff_ffff
      let (outcome, called) = try run(program, loads: [7], sandbox, engine, key: key)
      #expect(outcome == Outcome(value: low < Self.count ? sandbox.offset + low * 24 : 0))
      #expect(called == (engine == .interpreter))
    }
  }

  @Test(arguments: Engine.allCases)
  func aKeyInAHoleStopsTheRun(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let program = [Code.move(2, 0x40)] + Code.wide(1, 0, source: 1) + [Code.call(1), Code.exit]
    let (outcome, _) = try run(program, loads: [1], sandbox, engine)
    #expect(outcome == Outcome(value: 0, fault: .memory))
    #expect(sandbox.machine.context.faultAddress == 0x40)
  }

  @Test func whatIsNotKnownIsLeftToTheHelper() throws {
    let sandbox = try Sandbox()
    let key = [Code.copy(2, from: 10), Code.add(2, -4), Code.memory(0x62, 2, 0, 0, 2)]
    let load = Code.wide(1, 0, source: 1)
    let rest = [Code.call(1), Code.exit]
    let jumpOver = RawInstruction(opcode: 0x15, destination: 6, offset: 2)
    let programs: [([RawInstruction], [Int])] = [
      // Something jumps behind the load.
      (key + load + [jumpOver] + load + rest, [3, 6]),
      // The handle has been through something else.
      (key + load + [Code.add(1, 0)] + rest, [3]),
      (key + load + [Code.copy(7, from: 1), Code.copy(1, from: 7)] + rest, [3]),
      // It was loaded before another call.
      (key + load + [Code.copy(8, from: 2), Code.call(1), Code.copy(2, from: 8)] + rest, [3]),
    ]
    for (program, loads) in programs {
      #expect(try run(program, loads: loads, sandbox, .jit).called)
      let one = try run(program, loads: loads, sandbox, .interpreter)
      #expect(try run(program, loads: loads, sandbox, .jit).outcome == one.outcome)
    }
  }
}
