// SPDX-License-Identifier: Apache-2.0

import EBPF
import Testing

/// Each operation of RFC 9669, section 4.1 and 4.2, on edge values, with the operand in a register and as a constant.
@Suite struct ArithmeticTests {
  static let edges: [UInt64] = [
    0, 1, 2, 7, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fff_ffff, 0x8000_0000,
    0xffff_ffff, 0x1_0000_0000, 0x1234_5678_9abc_def0, 0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000, 0xffff_ffff_8000_0000, 0xffff_ffff_ffff_ffff,
  ]

  /// What the standard says, written apart from the engines: in 128 bits, or by the definition.
  static func expected(
    _ opcode: UInt8, _ offset: Int16, _ a: UInt64, _ b: UInt64
  ) -> UInt64 {
    let is64 = opcode & 7 == 7
    let bits: UInt64 = is64 ? 64 : 32
    let mask: UInt64 = is64 ? ~0 : 0xffff_ffff
    let (x, y) = (a & mask, b & mask)
    func signed(_ value: UInt64) -> Int128 {
      is64 ? Int128(Int64(bitPattern: value)) : Int128(Int32(truncatingIfNeeded: value))
    }
    let distance = y % bits
    let result: UInt64 =
      switch opcode & 0xf0 {
      case 0x00: UInt64(truncatingIfNeeded: UInt128(x) + UInt128(y))
      case 0x10: UInt64(truncatingIfNeeded: Int128(x) - Int128(y))
      case 0x20: UInt64(truncatingIfNeeded: UInt128(x) * UInt128(y))
      case 0x30 where y == 0: 0
      case 0x30 where offset == 1: UInt64(truncatingIfNeeded: signed(x) / signed(y))
      case 0x30: x / y
      case 0x40: x | y
      case 0x50: x & y
      case 0x60: UInt64(truncatingIfNeeded: UInt128(x) << UInt128(distance))
      case 0x70: x >> distance
      case 0x90 where y == 0: x
      case 0x90 where offset == 1: UInt64(truncatingIfNeeded: signed(x) % signed(y))
      case 0x90: x % y
      case 0xa0: x ^ y
      case 0xb0 where offset == 8: UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: y)))
      case 0xb0 where offset == 16: UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: y)))
      case 0xb0 where offset == 32: UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: y)))
      case 0xb0: y
      default: UInt64(truncatingIfNeeded: signed(x) >> Int128(distance))
      }
    return result & mask
  }

  static let operations: [(UInt8, Int16)] =
    [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0].map { ($0, 0) }
    + [(0x30, 1), (0x90, 1), (0xb0, 8), (0xb0, 16), (0xb0, 32)]

  @Test(arguments: operations, Engine.allCases)
  func resultsAreThoseOfTheStandard(_ operation: (UInt8, Int16), _ engine: Engine) throws {
    let sandbox = try Sandbox()
    for type: UInt8 in [0x04, 0x07] {
      guard operation != (0xb0, 32) || type == 7 else { continue }
      for usesRegister in operation.0 == 0xb0 && operation.1 != 0 ? [true] : [true, false] {
        let opcode = operation.0 | type | (usesRegister ? 8 : 0)
        try check(opcode, operation.1, sandbox, engine)
      }
    }
  }

  private func check(
    _ opcode: UInt8, _ offset: Int16, _ sandbox: Sandbox, _ engine: Engine
  ) throws {
    // Every register is the target and the operand once: generated code treats some of them apart.
    let pairs: [(UInt8, UInt8)] = (0...9).map { ($0, ($0 + 3) % 10) } + [(4, 4), (0, 4), (3, 0)]
    for (target, source) in opcode & 8 == 0 ? [] : pairs {
      let instruction = RawInstruction(
        opcode: opcode, destination: target, source: source, offset: offset)
      let executable = try prepare(instruction, sandbox, engine)
      for a in ArithmeticTests.edges {
        for b in ArithmeticTests.edges where target != source || a == b {
          compare(executable, instruction, a, b, sandbox)
        }
      }
    }
    for constant in opcode & 8 != 0 ? [] : ArithmeticTests.edges {
      for target: UInt8 in [0, 2, 3, 4, 9] {
        let immediate = Int32(truncatingIfNeeded: constant)
        let instruction = RawInstruction(
          opcode: opcode, destination: target, offset: offset, immediate: immediate)
        let executable = try prepare(instruction, sandbox, engine)
        for a in ArithmeticTests.edges {
          compare(executable, instruction, a, UInt64(bitPattern: Int64(immediate)), sandbox)
        }
      }
    }
  }

  /// A program that loads both operands from the page, and returns the result.
  private func prepare(
    _ instruction: RawInstruction, _ sandbox: Sandbox, _ engine: Engine
  ) throws -> Executable {
    let (target, source) = (instruction.destination, instruction.source)
    let program =
      Code.wide(source, sandbox.offset + 8) + [Code.memory(0x79, source, source, 0)]
      + Code.wide(target, sandbox.offset) + [
        Code.memory(0x79, target, target, 0), instruction, Code.copy(0, from: target), Code.exit,
      ]
    return try Executable(ProgramSpec(name: "operation", instructions: program), engine: engine)
  }

  private func compare(
    _ executable: Executable, _ instruction: RawInstruction, _ a: UInt64, _ b: UInt64,
    _ sandbox: Sandbox
  ) {
    _ = sandbox.machine.context.memory.store64(sandbox.offset, a)
    _ = sandbox.machine.context.memory.store64(sandbox.offset + 8, b)
    let outcome = sandbox.machine.run(executable, 0)
    let expected = ArithmeticTests.expected(instruction.opcode, instruction.offset, a, b)
    guard outcome != Outcome(value: expected) else { return }
    Issue.record(
      "\(instruction) of \(a) and \(b): \(outcome), not \(String(expected, radix: 16))")
  }

  @Test(arguments: Engine.allCases)
  func negationAndByteOrderAreThoseOfTheStandard(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    for a in ArithmeticTests.edges {
      let rows: [(UInt8, Int32, UInt64)] = [
        (0x87, 0, 0 &- a), (0x84, 0, UInt64(0 &- UInt32(truncatingIfNeeded: a))),
        (0xd4, 16, a & 0xffff), (0xd4, 32, a & 0xffff_ffff), (0xd4, 64, a),
        (0xdc, 16, UInt64(UInt16(truncatingIfNeeded: a).byteSwapped)),
        (0xdc, 32, UInt64(UInt32(truncatingIfNeeded: a).byteSwapped)), (0xdc, 64, a.byteSwapped),
        (0xd7, 16, UInt64(UInt16(truncatingIfNeeded: a).byteSwapped)),
        (0xd7, 32, UInt64(UInt32(truncatingIfNeeded: a).byteSwapped)), (0xd7, 64, a.byteSwapped),
      ]
      for (opcode, constant, expected) in rows {
        for register: UInt8 in [0, 2, 9] {
          let instruction = RawInstruction(
            opcode: opcode, destination: register, immediate: constant)
          let program =
            Code.wide(register, a) + [instruction, Code.copy(0, from: register), Code.exit]
          let outcome = try sandbox.run(program, engine: engine)
          #expect(outcome == Outcome(value: expected), "\(instruction) \(a)")
        }
      }
    }
  }
}
