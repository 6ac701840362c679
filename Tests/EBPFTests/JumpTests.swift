// SPDX-License-Identifier: Apache-2.0

import EBPF
import Testing

/// Each condition of RFC 9669, section 4.3, on edge values, with the operand in a register and as a constant.
@Suite struct JumpTests {
  static let conditions: [UInt8] = [
    0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0,
  ]

  /// What the standard says, written apart from the engines.
  static func isTaken(_ opcode: UInt8, _ a: UInt64, _ b: UInt64) -> Bool {
    let is64 = opcode & 7 == 5
    let mask: UInt64 = is64 ? ~0 : 0xffff_ffff
    let (x, y) = (a & mask, b & mask)
    func signed(_ value: UInt64) -> Int64 {
      is64 ? Int64(bitPattern: value) : Int64(Int32(truncatingIfNeeded: value))
    }
    return switch opcode & 0xf0 {
    case 0x10: x == y
    case 0x20: x > y
    case 0x30: x >= y
    case 0x40: x & y != 0
    case 0x50: x != y
    case 0x60: signed(x) > signed(y)
    case 0x70: signed(x) >= signed(y)
    case 0xa0: x < y
    case 0xb0: x <= y
    case 0xc0: signed(x) < signed(y)
    default: signed(x) <= signed(y)
    }
  }

  @Test(arguments: conditions, Engine.allCases)
  func conditionsAreThoseOfTheStandard(_ condition: UInt8, _ engine: Engine) throws {
    let sandbox = try Sandbox()
    let frame = try sandbox.frame
    for type: UInt8 in [5, 6] {
      for (target, source): (UInt8, UInt8) in [(2, 3), (0, 9), (4, 2), (7, 7), (3, 10)] {
        let jump = RawInstruction(
          opcode: condition | type | 8, destination: target, source: source, offset: 2)
        let executable = try prepare(jump, sandbox, engine)
        for a in ArithmeticTests.edges {
          for b in ArithmeticTests.edges where target != source || a == b {
            check(executable, jump, a, source == 10 ? frame : b, sandbox)
          }
        }
      }
      for constant in ArithmeticTests.edges {
        let immediate = Int32(truncatingIfNeeded: constant)
        let jump = RawInstruction(
          opcode: condition | type, destination: 6, offset: 2, immediate: immediate)
        let executable = try prepare(jump, sandbox, engine)
        for a in ArithmeticTests.edges {
          check(executable, jump, a, UInt64(bitPattern: Int64(immediate)), sandbox)
        }
      }
    }
  }

  /// A program that loads both operands from the page, and returns 1 if it jumps.
  private func prepare(
    _ jump: RawInstruction, _ sandbox: Sandbox, _ engine: Engine
  ) throws -> Executable {
    var program = Code.wide(5, sandbox.offset)
    if jump.source < 10 { program.append(Code.memory(0x79, jump.source, 5, 8)) }
    program += [
      Code.memory(0x79, jump.destination, 5, 0), jump, Code.move(0, 0), Code.exit,
      Code.move(0, 1), Code.exit,
    ]
    return try Executable(ProgramSpec(name: "jump", instructions: program), engine: engine)
  }

  private func check(
    _ executable: Executable, _ jump: RawInstruction, _ a: UInt64, _ b: UInt64, _ sandbox: Sandbox
  ) {
    _ = sandbox.machine.context.memory.store64(sandbox.offset, a)
    _ = sandbox.machine.context.memory.store64(sandbox.offset + 8, b)
    let outcome = sandbox.machine.run(executable, 0)
    let expected = JumpTests.isTaken(jump.opcode, a, b)
    guard outcome != Outcome(value: expected ? 1 : 0) else { return }
    Issue.record("\(jump) with \(a) and \(b): \(outcome)")
  }

  @Test(arguments: Engine.allCases)
  func longJumpsReachFurtherThanAnOffset(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let skipped = [RawInstruction](repeating: Code.move(0, 1), count: 40_000)
    let program =
      [Code.move(0, 7), RawInstruction(opcode: 0x06, immediate: 40_001)] + skipped + [Code.exit]
      + [RawInstruction(opcode: 0x06, immediate: -2)]
    #expect(try sandbox.run(program, engine: engine) == Outcome(value: 7))
  }

  @Test(arguments: Engine.allCases)
  func loopsRunAsOftenAsTheyCount(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    for condition: UInt8 in [0x55, 0x65, 0x25, 0x56] {
      let program = [
        Code.move(0, 0), Code.move(1, 1_000), Code.add(0, 3), Code.add(1, -1),
        RawInstruction(opcode: condition, destination: 1, offset: -3), Code.exit,
      ]
      #expect(try sandbox.run(program, engine: engine) == Outcome(value: 3_000))
    }
  }
}
