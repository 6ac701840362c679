// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF

/// A machine with a page of memory for a program's r1, in an arena of its own.
@safe
final class Sandbox {
  let arena: Arena
  let machine: Machine
  let memory: Segment
  /// What r1 is: the beginning of the page.
  var offset: UInt64 { UInt64(memory.offset) }
  /// What r1 is for `count` octets whose end is the end of the page: behind them is a hole.
  func end(less count: Int) -> UInt64 { offset + 4096 - UInt64(count) }

  /// What r10 is in a program: the end of the machine's stack.
  var frame: UInt64 {
    get throws {
      try run([Code.copy(0, from: 10), Code.exit], engine: .interpreter).value
    }
  }

  init(fuel: Int64 = Machine.defaultFuel) throws {
    arena = try Arena()
    machine = try Machine(arena: arena, fuel: fuel)
    memory = try arena.addSegment(byteCount: 4096)
  }

  /// Prepares and runs a program with r1 and r2.
  func run(
    _ instructions: [RawInstruction], engine: Engine, helpers: HelperTable = HelperTable(),
    _ first: UInt64? = nil, _ second: UInt64 = 0
  ) throws(ProgramError) -> Outcome {
    let spec = ProgramSpec(name: "test", instructions: instructions)
    let executable = try Executable(spec, helpers: helpers, engine: engine)
    return machine.run(executable, first ?? offset, second)
  }
}

/// Instructions as tests write them.
enum Code {
  static let exit = RawInstruction(opcode: 0x95)

  static func move(_ register: UInt8, _ constant: Int32) -> RawInstruction {
    RawInstruction(opcode: 0xb7, destination: register, immediate: constant)
  }

  static func copy(_ register: UInt8, from source: UInt8) -> RawInstruction {
    RawInstruction(opcode: 0xbf, destination: register, source: source)
  }

  static func add(_ register: UInt8, _ constant: Int32) -> RawInstruction {
    RawInstruction(opcode: 0x07, destination: register, immediate: constant)
  }

  static func wide(_ register: UInt8, _ constant: UInt64, source: UInt8 = 0) -> [RawInstruction] {
    [
      RawInstruction(
        opcode: 0x18, destination: register, source: source,
        immediate: Int32(truncatingIfNeeded: constant)),
      RawInstruction(opcode: 0, immediate: Int32(truncatingIfNeeded: constant >> 32)),
    ]
  }

  static func jump(_ distance: Int16) -> RawInstruction {
    RawInstruction(opcode: 0x05, offset: distance)
  }

  static func call(_ helper: Int32) -> RawInstruction {
    RawInstruction(opcode: 0x85, immediate: helper)
  }

  static func callLocal(_ distance: Int32) -> RawInstruction {
    RawInstruction(opcode: 0x85, source: 1, immediate: distance)
  }

  static func memory(
    _ opcode: UInt8, _ destination: UInt8, _ source: UInt8, _ offset: Int16, _ constant: Int32 = 0
  ) -> RawInstruction {
    RawInstruction(
      opcode: opcode, destination: destination, source: source, offset: offset,
      immediate: constant)
  }
}
