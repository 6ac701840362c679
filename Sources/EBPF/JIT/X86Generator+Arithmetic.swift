// SPDX-License-Identifier: Apache-2.0

extension X86Generator {
  /// The operations whose octet is RFC 9669's.
  mutating func arithmetic(_ instruction: Instruction, wide: Bool) {
    let code = instruction.operation.rawValue
    let target = register(instruction.destination)
    switch code & 0xf0 {
    case 0x00: simple(.add, instruction, wide)
    case 0x10: simple(.subtract, instruction, wide)
    case 0x40: simple(.or, instruction, wide)
    case 0x50: simple(.and, instruction, wide)
    case 0xa0: simple(.xor, instruction, wide)
    case 0x20: multiply(instruction, wide)
    case 0x30: divide(instruction, wide: wide, isSigned: false, isModulo: false)
    case 0x90: divide(instruction, wide: wide, isSigned: false, isModulo: true)
    case 0x60: shift(4, instruction, wide)
    case 0x70: shift(5, instruction, wide)
    case 0xc0: shift(7, instruction, wide)
    case 0x80: assembler.unary(0xf7, 3, wide: wide, target)
    default: move(instruction, wide)
    }
  }

  private func hasRegister(_ instruction: Instruction) -> Bool {
    instruction.operation.rawValue & 8 != 0
  }

  private mutating func simple(
    _ operation: X86Arithmetic, _ instruction: Instruction, _ wide: Bool
  ) {
    let target = register(instruction.destination)
    if hasRegister(instruction) {
      assembler.arithmetic(operation, wide: wide, operand(instruction.source), to: target)
    } else {
      let constant = Int32(truncatingIfNeeded: instruction.immediate)
      assembler.arithmetic(operation, wide: wide, constant: constant, to: target)
    }
  }

  private mutating func move(_ instruction: Instruction, _ wide: Bool) {
    let target = register(instruction.destination)
    if hasRegister(instruction) {
      // What the program sees of r10 has 32 bits.
      let isWide = wide && instruction.source != 10
      assembler.move(wide: isWide, register(instruction.source), to: target)
    } else {
      let constant = UInt64(bitPattern: instruction.immediate)
      assembler.move(constant: wide ? constant : constant & 0xffff_ffff, to: target)
    }
  }

  private mutating func multiply(_ instruction: Instruction, _ wide: Bool) {
    let target = register(instruction.destination)
    if hasRegister(instruction) {
      let source = operand(instruction.source)
      assembler.prefix(wide: wide, target, base: source)
      assembler.emit(0x0f, 0xaf)
      assembler.emit(0xc0 | target.low << 3 | source.low)
    } else {
      assembler.prefix(wide: wide, target, base: target)
      assembler.emit(0x69, 0xc0 | target.low << 3 | target.low)
      assembler.emit32(Int32(truncatingIfNeeded: instruction.immediate))
    }
  }

  /// A distance in a register has to be in cl, which is r4: saved in r10 while r11 is shifted.
  private mutating func shift(_ number: UInt8, _ instruction: Instruction, _ wide: Bool) {
    let target = register(instruction.destination)
    guard hasRegister(instruction) else {
      assembler.unary(0xc1, number, wide: wide, target)
      return assembler.emit(UInt8(truncatingIfNeeded: instruction.immediate) & (wide ? 63 : 31))
    }
    let source = register(instruction.source)
    if source == .rcx && target != .rcx {
      return assembler.unary(0xd3, number, wide: wide, target)
    }
    assembler.move(wide: true, target, to: .r11)
    assembler.move(wide: true, .rcx, to: .r10)
    if source != .rcx { assembler.move(wide: false, source, to: .rcx) }
    assembler.unary(0xd3, number, wide: wide, .r11)
    assembler.move(wide: true, .r10, to: .rcx)
    assembler.move(wide: true, .r11, to: target)
  }

  /// Division wants rax and rdx, which are r0 and r3, and traps where RFC 9669 has a result.
  mutating func divide(
    _ instruction: Instruction, wide: Bool, isSigned: Bool, isModulo: Bool
  ) {
    let target = register(instruction.destination)
    let usesRegister = isSigned ? isVariantWithRegister(instruction) : hasRegister(instruction)
    if usesRegister {
      assembler.move(wide: wide, operand(instruction.source), to: .r11)
    } else {
      let constant = UInt64(bitPattern: instruction.immediate)
      assembler.move(constant: wide ? constant : constant & 0xffff_ffff, to: .r11)
    }
    assembler.registers(0x85, wide: wide, .r11, to: .r11)
    let byZero = assembler.jump(.equal)
    var done: [Int] = []
    if isSigned { done.append(divideByMinusOne(target, wide: wide, isModulo: isModulo)) }
    divideRegisters(target, wide: wide, isSigned: isSigned, isModulo: isModulo)
    done.append(assembler.jump())
    assembler.patch(byZero, to: assembler.position)
    if !isModulo {
      assembler.move(constant: 0, to: target)
    } else if !wide {
      assembler.move(wide: false, target, to: target)
    }
    for place in done { assembler.patch(place, to: assembler.position) }
  }

  /// The divisor is in r11 and not zero.
  private mutating func divideRegisters(
    _ target: X86Register, wide: Bool, isSigned: Bool, isModulo: Bool
  ) {
    assembler.store(.rax, .rsp, 0)
    assembler.store(.rdx, .rsp, 8)
    if target != .rax { assembler.move(wide: wide, target, to: .rax) }
    if isSigned {
      assembler.prefix(wide: wide, .rax, base: .rax)
      assembler.emit(0x99)
    } else {
      assembler.move(constant: 0, to: .rdx)
    }
    assembler.unary(0xf7, isSigned ? 7 : 6, wide: wide, .r11)
    assembler.move(wide: wide, isModulo ? .rdx : .rax, to: .r11)
    assembler.load(.rax, .rsp, 0)
    assembler.load(.rdx, .rsp, 8)
    assembler.move(wide: wide, .r11, to: target)
  }

  /// Negates instead of dividing by -1, which traps on the least number; answers the jump over the division.
  private mutating func divideByMinusOne(
    _ target: X86Register, wide: Bool, isModulo: Bool
  ) -> Int {
    assembler.arithmetic(.compare, wide: wide, constant: -1, to: .r11)
    let otherwise = assembler.jump(.notEqual)
    if isModulo {
      assembler.move(constant: 0, to: target)
    } else {
      assembler.unary(0xf7, 3, wide: wide, target)
    }
    let done = assembler.jump()
    assembler.patch(otherwise, to: assembler.position)
    return done
  }

  private func isVariantWithRegister(_ instruction: Instruction) -> Bool {
    switch instruction.operation {
    case .divideSigned32Register, .divideSigned64Register, .moduloSigned32Register,
      .moduloSigned64Register:
      true
    default: false
    }
  }

  /// The operations that have octets of our own.
  mutating func variant(_ instruction: Instruction) {
    let target = register(instruction.destination)
    switch instruction.operation {
    case .divideSigned32Immediate, .divideSigned32Register:
      divide(instruction, wide: false, isSigned: true, isModulo: false)
    case .divideSigned64Immediate, .divideSigned64Register:
      divide(instruction, wide: true, isSigned: true, isModulo: false)
    case .moduloSigned32Immediate, .moduloSigned32Register:
      divide(instruction, wide: false, isSigned: true, isModulo: true)
    case .moduloSigned64Immediate, .moduloSigned64Register:
      divide(instruction, wide: true, isSigned: true, isModulo: true)
    case .extend8To32: extend(0xbe, instruction, wide: false)
    case .extend8To64: extend(0xbe, instruction, wide: true)
    case .extend16To32: extend(0xbf, instruction, wide: false)
    case .extend16To64: extend(0xbf, instruction, wide: true)
    case .extend32To64:
      let source = operand(instruction.source)
      assembler.prefix(wide: true, target, base: source)
      assembler.emit(0x63, 0xc0 | target.low << 3 | source.low)
    case .truncate16: zeroExtend16(target)
    case .truncate32: assembler.move(wide: false, target, to: target)
    case .swap16:
      assembler.emit(0x66)
      assembler.unary(0xc1, 0, wide: false, target)
      assembler.emit(8)
      zeroExtend16(target)
    case .swap32: swap(target, wide: false)
    default: swap(target, wide: true)
    }
  }

  private mutating func extend(_ opcode: UInt8, _ instruction: Instruction, wide: Bool) {
    let target = register(instruction.destination)
    let source = operand(instruction.source)
    assembler.prefix(wide: wide, target, base: source, always: true)
    assembler.emit(0x0f, opcode)
    assembler.emit(0xc0 | target.low << 3 | source.low)
  }

  private mutating func zeroExtend16(_ target: X86Register) {
    assembler.prefix(wide: false, target, base: target)
    assembler.emit(0x0f, 0xb7)
    assembler.emit(0xc0 | target.low << 3 | target.low)
  }

  private mutating func swap(_ target: X86Register, wide: Bool) {
    assembler.prefix(wide: wide, .rax, base: target)
    assembler.emit(0x0f, 0xc8 | target.low)
  }
}
