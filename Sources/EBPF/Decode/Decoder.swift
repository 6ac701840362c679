// SPDX-License-Identifier: Apache-2.0

/// Turns slots into instructions, one by one; ``Validator`` then looks at the whole.
struct Decoder {
  let spec: ProgramSpec
  let maps: [MapBinding]
  let helpers: HelperTable
  private let references: [Int: ProgramSpec.Target]
  private var index = 0

  init(_ spec: ProgramSpec, maps: [MapBinding], helpers: HelperTable) {
    self.spec = spec
    self.maps = maps
    self.helpers = helpers
    references = Dictionary(
      spec.references.map { ($0.instruction, $0.target) }, uniquingKeysWith: { $1 })
  }

  mutating func decode() throws(ProgramError) -> [Instruction] {
    let count = spec.instructions.count
    guard (1...ProgramError.maximumSlots).contains(count) else {
      throw ProgramError(program: spec.name, instruction: nil, problem: .size(count))
    }
    var instructions: [Instruction] = []
    instructions.reserveCapacity(count)
    while index < count {
      let slot = spec.instructions[index]
      if slot.isWideLoad {
        instructions.append(try wideLoad(slot))
        instructions.append(.secondSlot)
        index += 2
      } else {
        instructions.append(try narrow(slot))
        index += 1
      }
    }
    return instructions
  }

  func failure(_ problem: ProgramError.Problem) -> ProgramError {
    ProgramError(program: spec.name, instruction: index, problem: problem)
  }

  func require(
    _ condition: Bool, _ problem: @autoclosure () -> ProgramError.Problem = .reservedField
  ) throws(ProgramError) {
    guard condition else { throw failure(problem()) }
  }

  private func narrow(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(slot.destination <= 10, .register(slot.destination))
    switch slot.opcode & 7 {
    case 4, 7: return try arithmetic(slot)
    case 5, 6: return try jump(slot)
    case 1: return try load(slot)
    case 2, 3: return try store(slot)
    default: throw failure(.unknownInstruction(opcode: slot.opcode))
    }
  }

  private func wideLoad(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(index + 1 < spec.instructions.count, .tornWideLoad)
    let second = spec.instructions[index + 1]
    try require(second.word & 0xffff_ffff == 0, .tornWideLoad)
    try require(slot.destination <= 10, .register(slot.destination))
    try require(slot.destination < 10, .frameIsReadOnly)
    try require(slot.offset == 0)
    var result = Instruction(operation: .loadConstant, destination: slot.destination)
    if let target = references[index] {
      result.immediate = Int64(try value(of: target))
    } else if slot.source == 4 {
      result.operation = .loadFunction
      result.target = try destinationIndex(Int(slot.immediate))
    } else {
      try require(slot.source == 0, .unresolvedReference)
      result.immediate = Int64(
        bitPattern: UInt64(UInt32(bitPattern: slot.immediate))
          | UInt64(UInt32(bitPattern: second.immediate)) << 32)
    }
    return result
  }

  private func value(of target: ProgramSpec.Target) throws(ProgramError) -> UInt32 {
    switch target {
    case .map(let map):
      try require(maps.indices.contains(map), .unresolvedReference)
      return maps[map].handle
    case .mapValue(let map, let offset):
      try require(
        maps.indices.contains(map) && maps[map].valuesOffset != 0, .unresolvedReference)
      return maps[map].valuesOffset &+ offset
    }
  }

  /// The maps whose handles are loaded, by the index of the load.
  var mapLoads: [Int: MapBinding] {
    references.compactMapValues { target in
      if case .map(let map) = target, maps.indices.contains(map) { maps[map] } else { nil }
    }
  }

  /// The index that a distance in slots leads to.
  func destinationIndex(_ distance: Int) throws(ProgramError) -> Int32 {
    let target = index + 1 + distance
    try require(spec.instructions.indices.contains(target), .target(target))
    return Int32(target)
  }
}
