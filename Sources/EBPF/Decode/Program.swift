// SPDX-License-Identifier: Apache-2.0

/// A decoded program that has been found sound as a whole.
struct Program: Sendable {
  let name: String
  let instructions: [Instruction]
  /// The arrays that its lookups name.
  let arrays: [MapBinding]
  /// By rising start; the first is the program itself.
  let functions: [Function]

  /// A run of instructions that is entered at its first.
  struct Function: Sendable {
    /// Where its instructions lie.
    let range: Range<Int>
    /// The octets at the end of its frame that it may touch, a multiple of 16; zeroed when it is entered.
    let frameByteCount: Int
    /// The frames that it needs, with those of the functions that it calls.
    var depth = 1
  }

  /// Decodes and validates.
  init(
    _ spec: ProgramSpec, maps: [MapBinding], helpers: HelperTable
  ) throws(ProgramError) {
    var decoder = Decoder(spec, maps: maps, helpers: helpers)
    name = spec.name
    var instructions = try decoder.decode()
    functions = try Validator(name: name, instructions: instructions).functions()
    let lookups = ArrayLookups(helper: helpers.arrayLookup, maps: decoder.mapLoads)
    arrays = lookups.mark(&instructions, functions: functions)
    self.instructions = instructions
  }
}

/// Looks at what no instruction shows by itself: where functions lie, where jumps lead, who calls whom.
struct Validator {
  let name: String
  let instructions: [Instruction]

  func functions() throws(ProgramError) -> [Program.Function] {
    let starts = try functionStarts()
    var functions: [Program.Function] = []
    for (position, start) in starts.enumerated() {
      let end = position + 1 < starts.count ? starts[position + 1] : instructions.count
      functions.append(try function(start..<end))
    }
    try measureNesting(&functions)
    return functions
  }

  private func failure(_ index: Int?, _ problem: ProgramError.Problem) -> ProgramError {
    ProgramError(program: name, instruction: index, problem: problem)
  }

  private func functionStarts() throws(ProgramError) -> [Int] {
    var starts: Set<Int> = [0]
    for (index, instruction) in instructions.enumerated()
    where instruction.operation == .callLocal || instruction.operation == .loadFunction {
      let target = Int(instruction.target)
      guard instructions[target].operation != .secondSlot else {
        throw failure(index, .target(target))
      }
      starts.insert(target)
    }
    return starts.sorted()
  }

  private func function(_ range: Range<Int>) throws(ProgramError) -> Program.Function {
    var frameByteCount = 0
    for index in range {
      let instruction = instructions[index]
      frameByteCount = max(frameByteCount, instruction.frameByteCount)
      guard instruction.isJump else { continue }
      let target = Int(instruction.target)
      guard instructions[target].operation != .secondSlot else {
        throw failure(index, .target(target))
      }
      guard range.contains(target) else { throw failure(index, .leavesFunction(target)) }
    }
    let last = instructions[range.upperBound - 1].operation
    guard last == .exit || last == .jump else {
      throw failure(range.upperBound - 1, .runsOffTheEnd)
    }
    return Program.Function(range: range, frameByteCount: frameByteCount)
  }

  /// Frames are counted along the deepest chain of local calls; calls through a register are counted when they run.
  private func measureNesting(_ functions: inout [Program.Function]) throws(ProgramError) {
    let starts = functions.map(\.range.lowerBound)
    let numbers = Dictionary(uniqueKeysWithValues: zip(starts, functions.indices))
    let callees = functions.map { function in
      let targets = instructions[function.range].filter { $0.operation == .callLocal }
      return Array(Set(targets.compactMap { numbers[Int($0.target)] }))
    }
    // After n rounds, depths are exact for chains of up to n calls; a circle grows past every limit.
    var depths = [Int](repeating: 1, count: functions.count)
    for _ in 0...RunContext.maximumFrames {
      depths = callees.map { 1 + ($0.map { depths[$0] }.max() ?? 0) }
    }
    if let deep = depths.firstIndex(where: { $0 > RunContext.maximumFrames }) {
      throw failure(starts[deep], .nesting)
    }
    for index in functions.indices { functions[index].depth = depths[index] }
  }
}

extension Instruction {
  var isConditionalJump: Bool {
    let code = operation.rawValue
    let isJumpClass = code & 7 == 5 || code & 7 == 6
    return isJumpClass && operation.isRegularJump
  }

  var isJump: Bool { operation == .jump || isConditionalJump }

  /// The octets at the end of its function's frame that it may touch: all of them, if it passes r10 on.
  var frameByteCount: Int {
    let isLoad = source == 10 && operation.isLoad
    let isStore = destination == 10 && operation.isStore
    let passesOn = source == 10 && !isLoad || destination == 10 && !isStore
    if passesOn { return RunContext.frameByteCount }
    return isLoad || isStore ? (15 - Int(target)) & ~15 : 0
  }
}

extension Operation {
  /// Whether the octet is one that RFC 9669 gives to a conditional jump.
  var isRegularJump: Bool {
    switch rawValue & 0xf0 {
    case 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0: true
    default: false
    }
  }

  var isLoad: Bool {
    switch self {
    case .load8, .load16, .load32, .load64, .load8Signed, .load16Signed, .load32Signed: true
    default: false
    }
  }

  var isStore: Bool {
    switch self {
    case .store8, .store16, .store32, .store64, .atomic32, .atomic64, .store8Immediate,
      .store16Immediate, .store32Immediate, .store64Immediate:
      true
    default: false
    }
  }
}
