// SPDX-License-Identifier: Apache-2.0

import EBPF
import Testing

@Suite struct MachineTests {
  @Test(arguments: Engine.allCases)
  func memoryIsReadAndWrittenInEveryWidthAndUnaligned(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let value: UInt64 = 0x8182_8384_8586_8788
    let rows: [(store: UInt8, load: UInt8, expected: UInt64)] = [
      (0x73, 0x71, 0x88), (0x6b, 0x69, 0x8788), (0x63, 0x61, 0x8586_8788), (0x7b, 0x79, value),
      (0x73, 0x91, 0xffff_ffff_ffff_ff88), (0x6b, 0x89, 0xffff_ffff_ffff_8788),
      (0x63, 0x81, 0xffff_ffff_8586_8788),
    ]
    for (store, load, expected) in rows {
      for base: UInt8 in [1, 6, 9, 10] {
        for value_ in UInt8(0)...9 where value_ != base {
          let program =
            [Code.copy(base == 10 ? 2 : base, from: 1)] + Code.wide(value_, value) + [
              Code.memory(store, base, value_, base == 10 ? -9 : 3),
              Code.memory(load, 0, base, base == 10 ? -9 : 3), Code.exit,
            ]
          #expect(try sandbox.run(program, engine: engine) == Outcome(value: expected))
        }
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func constantsAreStoredSignExtended(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let rows: [(UInt8, UInt64)] = [
      (0x72, 0xfe), (0x6a, 0xfffe), (0x62, 0xffff_fffe), (0x7a, 0xffff_ffff_ffff_fffe),
    ]
    for (store, expected) in rows {
      for base: UInt8 in [1, 10] {
        let program = [
          Code.memory(0x7a, base, 0, -16 + (base == 1 ? 64 : 0)),
          Code.memory(store, base, 0, -16 + (base == 1 ? 64 : 0), -2),
          Code.memory(0x79, 0, base, -16 + (base == 1 ? 64 : 0)), Code.exit,
        ]
        #expect(try sandbox.run(program, engine: engine) == Outcome(value: expected))
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func atomicsChangeMemoryAndFetchWhatWasThere(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let old: UInt64 = 0xf0f0_f0f0_9999_8888
    let operand: UInt64 = 0x0123_4567_89ab_cdef
    let operations: [(Int32, (UInt64, UInt64) -> UInt64)] = [
      (0x00, { $0 &+ $1 }), (0x40, { $0 | $1 }), (0x50, { $0 & $1 }), (0xa0, { $0 ^ $1 }),
    ]
    for (opcode, mask): (UInt8, UInt64) in [(0xdb, ~0), (0xc3, 0xffff_ffff)] {
      for source: UInt8 in [0, 2, 4, 9] {
        for (operation, function) in operations {
          for fetch: Int32 in [0, 1] {
            let program =
              Code.wide(6, old) + [Code.memory(0x7b, 1, 6, 8)] + Code.wide(source, operand) + [
                Code.memory(opcode, 1, source, 8, operation | fetch),
                Code.copy(7, from: source), Code.memory(0x79, 8, 1, 8),
                Code.memory(0x7b, 1, 7, 16), Code.memory(0x7b, 1, 8, 24), Code.exit,
              ]
            _ = try sandbox.run(program, engine: engine)
            let expected = old & ~mask | function(old, operand) & mask
            #expect(sandbox.word(at: 16) == (fetch == 1 ? old & mask : operand))
            #expect(sandbox.word(at: 24) == expected)
          }
        }
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func exchangesAreWhatTheStandardSays(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let old: UInt64 = 0xf0f0_f0f0_9999_8888
    for (opcode, mask): (UInt8, UInt64) in [(0xdb, ~0), (0xc3, 0xffff_ffff)] {
      for expectation in [old, old &+ 1, old & 0xffff_ffff] {
        let program =
          Code.wide(6, old) + [Code.memory(0x7b, 1, 6, 8)] + Code.wide(0, expectation)
          + [
            Code.move(2, 77), Code.memory(opcode, 1, 2, 8, 0xf1), Code.memory(0x7b, 1, 0, 16),
            Code.move(3, 55), Code.memory(opcode, 1, 3, 8, 0xe1), Code.memory(0x7b, 1, 3, 24),
            Code.exit,
          ]
        _ = try sandbox.run(program, engine: engine)
        let hit = expectation & mask == old & mask
        #expect(sandbox.word(at: 16) == old & mask)
        #expect(sandbox.word(at: 24) == (hit ? 77 : old & mask))
        #expect(sandbox.word(at: 8) == old & ~mask | 55)
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func aCallHasItsOwnZeroedFrameAndKeepsFourRegisters(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let program = [
      Code.memory(0x7a, 10, 0, -8, 0x55), Code.move(6, 6), Code.move(7, 7), Code.move(8, 8),
      Code.move(9, 9), Code.callLocal(7), Code.memory(0x79, 1, 10, -8),
      RawInstruction(opcode: 0x0f, destination: 0, source: 1),
      RawInstruction(opcode: 0x0f, destination: 0, source: 6),
      RawInstruction(opcode: 0x0f, destination: 0, source: 7),
      RawInstruction(opcode: 0x0f, destination: 0, source: 8),
      RawInstruction(opcode: 0x0f, destination: 0, source: 9), Code.exit,
      Code.memory(0x79, 0, 10, -8), Code.memory(0x7a, 10, 0, -8, 0x77), Code.move(6, 100),
      Code.move(9, 100), Code.exit,
    ]
    for _ in 0..<2 {
      #expect(try sandbox.run(program, engine: engine) == Outcome(value: 0x55 + 30))
    }
  }

  @Test(arguments: Engine.allCases)
  func aHelperGetsItsArgumentsAndLeavesNoAddressBehind(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    var helpers = HelperTable()
    // Safe: the helper follows none of its arguments.
    unsafe helpers[5] = { a, b, c, d, e, _ in a &+ b &* 10 &+ c &* 100 &+ d &* 1000 &+ e &* 10000 }
    let arguments = (1...5).map { Code.move(UInt8($0), Int32($0)) }
    let sum = (1...5).map { RawInstruction(opcode: 0x4f, destination: 0, source: UInt8($0)) }
    let program = arguments + [Code.call(5)] + sum + [Code.exit]
    #expect(
      try sandbox.run(program, engine: engine, helpers: helpers) == Outcome(value: 54321))
    let byRegister = arguments + [Code.move(6, 5), RawInstruction(opcode: 0x8d, destination: 6)]
    #expect(
      try sandbox.run(byRegister + [Code.exit], engine: engine, helpers: helpers)
        == Outcome(value: 54321))
  }

  @Test(arguments: Engine.allCases)
  func aHelperCallsBackIntoTheProgram(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    var helpers = HelperTable()
    // Safe: the context is followed only as a RunContext.
    unsafe helpers[181] = { count, function, argument, _, _, context in
      let context = unsafe RunContext(context)
      var sum: UInt64 = 0
      for index in 0..<count {
        guard let value = context.call(function, (index, argument, 0, 0)) else { return 0 }
        sum &+= value
      }
      return sum
    }
    let program =
      [Code.move(6, 1000), Code.move(1, 4)] + Code.wide(2, 5, source: 4) + [
        Code.move(3, 7), Code.call(181), RawInstruction(opcode: 0x0f, destination: 0, source: 6),
        Code.exit,
        // r1 * r2
        Code.copy(0, from: 1), RawInstruction(opcode: 0x2f, destination: 0, source: 2),
        Code.move(6, 3), Code.exit,
      ]
    #expect(
      try sandbox.run(program, engine: engine, helpers: helpers) == Outcome(value: 1042))
  }

  @Test(arguments: Engine.allCases)
  func fuelEndsAnEndlessLoop(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let outcome = try sandbox.run([Code.jump(-1), Code.exit], engine: engine)
    #expect(outcome == Outcome(value: 0, fault: .fuel))
  }

  @Test(arguments: Engine.allCases)
  func aHoleStopsTheRunAndTheNextOneGoesOn(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    for _ in 0..<3 {
      let wild = Code.wide(2, 0xdead_beef_0000_0040) + [Code.memory(0x79, 0, 2, 0), Code.exit]
      #expect(try sandbox.run(wild, engine: engine) == Outcome(value: 0, fault: .memory))
      #expect(sandbox.machine.context.faultAddress == 0x40)
      #expect(try sandbox.run([Code.move(0, 2), Code.exit], engine: engine).value == 2)
    }
  }
}

extension Sandbox {
  /// 64 bits of the page.
  func word(at place: Int) -> UInt64 {
    machine.context.memory.load64(offset + UInt64(place)) ?? 0
  }
}
