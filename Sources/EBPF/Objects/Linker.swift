// SPDX-License-Identifier: Apache-2.0

/// Puts a program together from the functions that it reaches, and gives every reference its meaning.
///
/// Source: Documentation/bpf/llvm_reloc.rst.
struct Linker {
  /// As many as the machine takes.
  private static let maximumSlots = 1_000_000

  let object: Object
  private var slots: [RawInstruction] = []
  private var references: [ProgramSpec.Reference] = []
  /// The functions taken so far, in order, and where each begins in `slots`.
  private var taken: [(function: CodeFunction, start: Int)] = []
  private var pending: [CodeFunction] = []
  /// Slots whose immediate is the distance to a function, patched when all have their place.
  private var calls: [(slot: Int, distanceFrom: Int, target: CodeFunction)] = []

  init(object: Object) { self.object = object }

  mutating func link(_ entry: CodeFunction) throws(ObjectError) -> ProgramSpec {
    pending = [entry]
    while let function = pending.popLast() {
      guard !taken.contains(where: { $0.function == function }) else { continue }
      try take(function)
    }
    for call in calls {
      guard let start = taken.first(where: { $0.function == call.target })?.start else { continue }
      replaceImmediate(call.slot, with: Int32(start - call.distanceFrom))
    }
    return ProgramSpec(name: entry.name, instructions: slots, references: references)
  }

  private mutating func take(_ function: CodeFunction) throws(ObjectError) {
    let start = slots.count
    guard start + function.slots.count <= Linker.maximumSlots else {
      throw ObjectError(function.name, .damaged("the program is too long"))
    }
    taken.append((function, start))
    let octets = object.image.sections[function.section].octets
    for slot in function.slots {
      slots.append(RawInstruction(word: octets.value(at: 8 * slot, as: UInt64.self) ?? 0))
    }
    var relocated: Set<Int> = []
    for relocation in object.image.relocations[function.section] ?? []
    where function.slots.contains(relocation.offset / 8) {
      let slot = start + relocation.offset / 8 - function.slots.lowerBound
      relocated.insert(slot)
      try apply(relocation, at: slot)
    }
    try takeLocalCalls(of: function, from: start, except: relocated)
  }

  /// Calls within a section have no relocation: the compiler wrote the distance.
  private mutating func takeLocalCalls(
    of function: CodeFunction, from start: Int, except relocated: Set<Int>
  ) throws(ObjectError) {
    for slot in start..<slots.count where !relocated.contains(slot) {
      let instruction = slots[slot]
      guard instruction.opcode == 0x85, instruction.source == 1 else { continue }
      let place = function.slots.lowerBound + slot - start + 1 + Int(instruction.immediate)
      try call(section: function.section, slotInSection: place, at: slot)
    }
  }

  private mutating func apply(
    _ relocation: ELFImage.Relocation, at slot: Int
  ) throws(ObjectError) {
    let symbol = object.image.symbols[relocation.symbol]
    guard symbol.section > 0, symbol.section < 0xff00 else {
      throw ObjectError(symbol.name, .external)
    }
    let instruction = slots[slot]
    if instruction.opcode == 0x85 {
      let place = symbol.value / 8 + Int(instruction.immediate) + 1
      try call(section: symbol.section, slotInSection: place, at: slot)
    } else if instruction.isWideLoad && relocation.kind == 1 {
      try load(symbol, at: slot)
    } else {
      throw ObjectError(symbol.name, .relocation(relocation.kind))
    }
  }

  private mutating func load(_ symbol: ELFImage.Symbol, at slot: Int) throws(ObjectError) {
    let offset = symbol.value + Int(slots[slot].immediate)
    if object.image.sections[symbol.section].isCode {
      slots[slot] = RawInstruction(
        opcode: 0x18, destination: slots[slot].destination, source: 4)
      return try call(section: symbol.section, slotInSection: offset / 8, at: slot)
    }
    references.append(
      ProgramSpec.Reference(instruction: slot, target: try target(symbol, offset)))
  }

  private func target(
    _ symbol: ELFImage.Symbol, _ offset: Int
  ) throws(ObjectError) -> ProgramSpec.Target {
    for (index, map) in object.places.enumerated() where map.section == symbol.section {
      guard let place = map.offset else {
        guard (0...map.spec.contents.count).contains(offset) else {
          throw ObjectError(symbol.name, .damaged("a variable lies outside its section"))
        }
        return .mapValue(index, offset: UInt32(offset))
      }
      if place == offset { return .map(index) }
    }
    throw ObjectError(symbol.name, .noMap(known: object.maps.map(\.name)))
  }

  private mutating func call(
    section: Int, slotInSection: Int, at slot: Int
  ) throws(ObjectError) {
    let target = object.functions.first {
      $0.section == section && $0.slots.lowerBound == slotInSection
    }
    guard let target else {
      throw ObjectError(
        object.image.sections[section].name,
        .damaged("a call leads to slot \(slotInSection), where no function begins"))
    }
    pending.append(target)
    calls.append((slot, slot + 1, target))
  }

  private mutating func replaceImmediate(_ slot: Int, with value: Int32) {
    let word = slots[slot].word & 0xffff_ffff
    slots[slot] = RawInstruction(word: word | UInt64(UInt32(bitPattern: value)) << 32)
  }
}
