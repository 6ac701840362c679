// SPDX-License-Identifier: Apache-2.0

/// Finds the lookups in arrays that generated code can do itself: those whose map is known when the program is prepared.
///
/// Compilers load the map's handle shortly before the call, so only straight code is followed: what another instruction
/// jumps to, or a call has returned to, begins with nothing known.
struct ArrayLookups {
  /// The helper that looks up; nil if none does.
  let helper: Int?
  /// The maps of the wide loads, by the index of their first slot.
  let maps: [Int: MapBinding]

  /// The arrays that are looked up in, each once; a call's `target` becomes its array's index plus 1.
  func mark(_ instructions: inout [Instruction], functions: [Program.Function]) -> [MapBinding] {
    guard let helper else { return [] }
    var arrays: [MapBinding] = []
    let starts = entered(instructions).union(functions.map(\.range.lowerBound))
    var known: MapBinding?
    for index in instructions.indices {
      let instruction = instructions[index]
      if starts.contains(index) { known = nil }
      if instruction.operation == .loadConstant, instruction.destination == 1 {
        known = maps[index].flatMap { $0.entryCount > 0 && $0.entryByteCount < 1 << 31 ? $0 : nil }
      } else if instruction.operation.isCall {
        if instruction.operation == .callHelper, Int(instruction.immediate) == helper, let known {
          let place = arrays.firstIndex(of: known) ?? arrays.count
          if place == arrays.count { arrays.append(known) }
          instructions[index].target = Int32(place + 1)
        }
        known = nil
      } else if instruction.destination == 1, instruction.writesDestination {
        known = nil
      } else if instruction.source == 1, instruction.isAtomic {
        known = nil
      }
    }
    return arrays
  }

  private func entered(_ instructions: [Instruction]) -> Set<Int> {
    Set(instructions.lazy.filter(\.isJump).map { Int($0.target) })
  }
}

extension Instruction {
  var isAtomic: Bool { operation == .atomic32 || operation == .atomic64 }

  /// Whether generated code does this call itself.
  var isArrayLookup: Bool { operation == .callHelper && target > 0 }

  /// Whether the destination is a register that changes, and not an address or an operand.
  fileprivate var writesDestination: Bool {
    !(operation.isStore || isJump || operation == .secondSlot || operation == .exit)
  }
}

extension Operation {
  var isCall: Bool { self == .callHelper || self == .callLocal || self == .callRegister }
}
