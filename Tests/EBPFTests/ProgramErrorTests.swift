// SPDX-License-Identifier: Apache-2.0

import EBPF
import Testing

/// What is refused before it runs, and where the refusal points.
@Suite struct ProgramErrorTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let slots: [RawInstruction]
    let instruction: Int?
    let problem: ProgramError.Problem
    var testDescription: String { name }

    init(
      _ name: String, _ slots: [RawInstruction], at instruction: Int?,
      _ problem: ProgramError.Problem
    ) {
      (self.name, self.slots, self.instruction, self.problem) = (name, slots, instruction, problem)
    }
  }

  @Test(arguments: HostilePrograms.refused)
  func aProgramIsRefusedForWhatIsWrong(_ row: Row) {
    for engine in Engine.allCases {
      #expect(
        throws: ProgramError(program: "hostile", instruction: row.instruction, problem: row.problem)
      ) {
        try Executable(ProgramSpec(name: "hostile", instructions: row.slots), engine: engine)
      }
    }
  }

  @Test func aRefusalSaysWhereAndWhatToDo() {
    let error = ProgramError(program: "filter", instruction: 12, problem: .frameIsReadOnly)
    #expect(
      "\(error)"
        == "filter, instruction 12: writes r10, which is read-only; copy it to another register first"
    )
  }

  @Test func mapsAreWhatTheReferencesSay() throws {
    let slots = Code.wide(0, 7, source: 1) + [Code.exit]
    let sandbox = try Sandbox()
    let maps = [MapBinding(handle: 0x1234), MapBinding(handle: 0x1235, valuesOffset: 0x200_000)]
    let rows: [(ProgramSpec.Target, UInt64)] = [
      (.map(0), 0x1234), (.map(1), 0x1235), (.mapValue(1, offset: 8), 0x200_008),
    ]
    for (target, value) in rows {
      let spec = ProgramSpec(
        name: "maps", instructions: slots, references: [.init(instruction: 0, target: target)])
      for engine in Engine.allCases {
        let executable = try Executable(spec, maps: maps, engine: engine)
        #expect(sandbox.machine.run(executable, 0) == Outcome(value: value))
      }
    }
    for target in [ProgramSpec.Target.map(2), .map(-1), .mapValue(0, offset: 0)] {
      let spec = ProgramSpec(
        name: "maps", instructions: slots, references: [.init(instruction: 0, target: target)])
      #expect(
        throws: ProgramError(program: "maps", instruction: 0, problem: .unresolvedReference)
      ) { try Executable(spec, maps: maps) }
    }
  }
}
