// SPDX-License-Identifier: Apache-2.0

import EBPF

/// A program of valid instructions that nothing holds together: any register is an address, any jump may be a loop.
struct WildProgram {
  private(set) var slots: [RawInstruction] = []
  private var generator: SeededGenerator
  private let page: UInt64

  /// Makes the program of a seed; some of its addresses hit the page at the window offset `page`.
  init(seed: UInt64, page: UInt64) {
    generator = SeededGenerator(seed: seed)
    self.page = page
    let functions = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
      Int.random(in: 4...40, using: &generator)
    }
    // Where each function begins is known before its instructions are, for those that call it.
    let starts = functions.indices.map { functions[..<$0].reduce(0, +) }
    for (index, count) in functions.enumerated() {
      let end = starts[index] + count
      while slots.count < end { emit(starts, index, end) }
    }
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &generator)
  }

  private mutating func anyConstant() -> Int32 {
    let few: [Int32] = [0, 1, -1, 8, 31, 32, 63, 64, 255, .max, .min, 0x1000, 0x7fff, 0xffff]
    return number(0...1) == 0
      ? few.randomElement(using: &generator) ?? 0 : .random(in: .min ... .max, using: &generator)
  }

  private mutating func emit(
    _ opcode: UInt8, _ destination: Int = 0, _ source: Int = 0, _ offset: Int = 0,
    _ immediate: Int32 = 0
  ) {
    slots.append(
      RawInstruction(
        opcode: opcode, destination: UInt8(destination), source: UInt8(source),
        offset: Int16(offset), immediate: immediate))
  }

  /// One instruction of function `index`, whose last slot is `end - 1`.
  private mutating func emit(_ starts: [Int], _ index: Int, _ end: Int) {
    let left = end - slots.count
    if left == 1 { return emit(0x95) }
    // Wide loads stand only where a register is given the page, so that jumps can avoid their second slots: in front.
    if left > 2, slots.count < starts[index] + 4 { return emitWide(starts) }
    switch number(0...19) {
    case 0..<8: emitArithmetic()
    case 8..<11 where left > 3: emitMemory()
    case 11: emitAtomic()
    case 12..<15: emitJump(from: min(starts[index] + 4, end - 1), to: end - 1)
    case 15: emitCall(starts, index)
    case 16: emit(0x85, 0, 0, 0, 5)
    case 17 where number(0...2) == 0: emit(0x8d, number(0...9))
    case 17: emitArithmetic()
    default: emit(0xbf, number(0...9), 10)
    }
  }

  private mutating func emitWide(_ starts: [Int]) {
    let target = number(0...9)
    let next = slots.count
    if number(0...5) == 0, let start = starts.randomElement(using: &generator) {
      emit(0x18, target, 4, 0, Int32(start - next - 1))
      return emit(0)
    }
    var value = page + UInt64(number(-64...4_200) & 0x1fff)
    if number(0...2) == 0 { value |= UInt64.random(in: 0...0xffff_ffff, using: &generator) << 32 }
    emit(0x18, target, 0, 0, Int32(truncatingIfNeeded: value))
    emit(0, 0, 0, 0, Int32(truncatingIfNeeded: value >> 32))
  }

  private mutating func emitArithmetic() {
    let type: UInt8 = number(0...1) == 0 ? 4 : 7
    let operation = UInt8(number(0...13)) << 4
    switch operation {
    case 0x80: emit(0x80 | type, number(0...9))
    case 0xd0:
      let opcodes: [UInt8] = [0xd4, 0xdc, 0xd7]
      emit(
        opcodes.randomElement(using: &generator) ?? 0xd4, number(0...9), 0, 0,
        16 << Int32(number(0...2)))
    case _ where number(0...1) == 0:
      let isSigned = (operation == 0x30 || operation == 0x90) && number(0...1) == 0
      emit(operation | type, number(0...9), 0, isSigned ? 1 : 0, anyConstant())
    default:
      var offset = 0
      if operation == 0x30 || operation == 0x90 { offset = number(0...1) }
      if operation == 0xb0 { offset = [0, 8, 16, type == 7 ? 32 : 0][number(0...3)] }
      emit(operation | type | 8, number(0...9), number(0...10), offset)
    }
  }

  private mutating func emitMemory() {
    let opcodes: [UInt8] = [
      0x71, 0x69, 0x61, 0x79, 0x91, 0x89, 0x81, 0x73, 0x6b, 0x63, 0x7b, 0x72, 0x6a, 0x62, 0x7a,
    ]
    let opcode = opcodes.randomElement(using: &generator) ?? 0x79
    let base = number(0...12) % 11
    if base < 10, number(0...3) > 0 {
      // Into the page, or just across its end.
      emit(0x54, base, 0, 0, 0xfff)
      emit(0x44, base, 0, 0, Int32(page))
    }
    let offset =
      base == 10
      ? number(-512 ... -8) : number(0...3) > 0 ? number(0...64) : number(-0x8000...0x7fff)
    switch opcode & 7 {
    case 1: emit(opcode, number(0...9), base, offset)
    case 3: emit(opcode, base, number(0...10), offset)
    default: emit(opcode, base, 0, offset, anyConstant())
    }
  }

  private mutating func emitAtomic() {
    let operations: [Int32] = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]
    let base = number(0...10)
    emit(
      number(0...1) == 0 ? 0xc3 : 0xdb, base, number(0...9),
      base == 10 ? number(-512 ... -8) : number(0...64),
      operations.randomElement(using: &generator) ?? 0)
  }

  private mutating func emitJump(from first: Int, to last: Int) {
    let distance = number(first...last) - slots.count - 1
    let type: UInt8 = number(0...1) == 0 ? 5 : 6
    switch number(0...9) {
    case 0: emit(0x05, 0, 0, distance)
    case 1: emit(0x06, 0, 0, 0, Int32(distance))
    case 2..<6:
      let kinds: [UInt8] = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]
      emit(
        (kinds.randomElement(using: &generator) ?? 0x10) | type, number(0...9), 0, distance,
        anyConstant())
    default:
      let kinds: [UInt8] = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]
      emit(
        (kinds.randomElement(using: &generator) ?? 0x10) | type | 8, number(0...10), number(0...10),
        distance)
    }
  }

  private mutating func emitCall(_ starts: [Int], _ index: Int) {
    guard index + 1 < starts.count else { return emitArithmetic() }
    let target = starts[number(index + 1...starts.count - 1)]
    emit(0x85, 0, 1, 0, Int32(target - slots.count - 1))
  }
}
