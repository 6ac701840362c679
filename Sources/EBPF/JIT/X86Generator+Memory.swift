// SPDX-License-Identifier: Apache-2.0

/// Where an access goes: through the window and r10, or to a place in the frame that the decoder has judged.
private enum X86Place {
  case window
  case frame(Int32)
}

extension X86Generator {
  private mutating func place(_ base: UInt8, _ offset: Int32) -> X86Place {
    guard base != 10 else { return .frame(offset) }
    assembler.address(.r10, register(base), offset)
    return .window
  }

  /// Prefix, opcode and operands of an access.
  private mutating func access(
    _ opcode: [UInt8], wide: Bool, _ register: X86Register, _ place: X86Place,
    always: Bool = false
  ) {
    switch place {
    case .window:
      assembler.prefix(wide: wide, register, index: .r10, base: X86Generator.window)
      for octet in opcode { assembler.emit(octet) }
      // [r12 + r10]
      assembler.emit(register.low << 3 | 4, 0x14)
    case .frame(let offset):
      assembler.prefix(wide: wide, register, base: .rbp, always: always)
      for octet in opcode { assembler.emit(octet) }
      assembler.memory(register.low, .rbp, offset)
    }
  }

  mutating func load(_ instruction: Instruction) {
    let place = place(instruction.source, instruction.target)
    let target = register(instruction.destination)
    switch instruction.operation {
    case .load8: access([0x0f, 0xb6], wide: false, target, place)
    case .load16: access([0x0f, 0xb7], wide: false, target, place)
    case .load32: access([0x8b], wide: false, target, place)
    case .load8Signed: access([0x0f, 0xbe], wide: true, target, place)
    case .load16Signed: access([0x0f, 0xbf], wide: true, target, place)
    case .load32Signed: access([0x63], wide: true, target, place)
    default: access([0x8b], wide: true, target, place)
    }
  }

  mutating func store(_ instruction: Instruction) {
    let constant = Int32(truncatingIfNeeded: instruction.immediate)
    let place = place(instruction.destination, instruction.target)
    switch instruction.operation {
    case .store8Immediate:
      access([0xc6], wide: false, .rax, place)
      assembler.emit(UInt8(truncatingIfNeeded: constant))
    case .store16Immediate:
      assembler.emit(0x66)
      access([0xc7], wide: false, .rax, place)
      let bits = UInt16(truncatingIfNeeded: constant)
      assembler.emit(UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8))
    case .store32Immediate, .store64Immediate:
      access([0xc7], wide: instruction.operation == .store64Immediate, .rax, place)
      assembler.emit32(constant)
    default: storeRegister(instruction, place)
    }
  }

  private mutating func storeRegister(_ instruction: Instruction, _ place: X86Place) {
    let source = operand(instruction.source)
    switch instruction.operation {
    case .store8: access([0x88], wide: false, source, place, always: true)
    case .store16:
      assembler.emit(0x66)
      access([0x89], wide: false, source, place)
    case .store32: access([0x89], wide: false, source, place)
    default: access([0x89], wide: true, source, place)
    }
  }

  /// The 32 bits at the offset in r10.
  mutating func loadKey() { access([0x8b], wide: false, .rax, .window) }

  mutating func atomic(_ instruction: Instruction, wide: Bool) {
    assembler.address(.r10, register(instruction.destination), instruction.target)
    let source = operand(instruction.source)
    switch instruction.immediate {
    case AtomicOperation.add: locked([0x01], wide, source)
    case AtomicOperation.or: locked([0x09], wide, source)
    case AtomicOperation.and: locked([0x21], wide, source)
    case AtomicOperation.xor: locked([0x31], wide, source)
    case AtomicOperation.add | AtomicOperation.fetch: locked([0x0f, 0xc1], wide, source)
    // An exchange with memory is atomic by itself.
    case AtomicOperation.exchange: access([0x87], wide: wide, source, .window)
    case AtomicOperation.compareExchange:
      locked([0x0f, 0xb1], wide, source)
      if !wide { assembler.move(wide: false, .rax, to: .rax) }
    default: fetch(instruction, wide, source)
    }
  }

  private mutating func locked(_ opcode: [UInt8], _ wide: Bool, _ source: X86Register) {
    assembler.emit(0xf0)
    access(opcode, wide: wide, source, .window)
  }

  /// The old value of an `or`, `and` or `xor`, for which the processor has no instruction: exchanged in a loop.
  private mutating func fetch(_ instruction: Instruction, _ wide: Bool, _ source: X86Register) {
    assembler.store(.rax, .rsp, 0)
    access([0x8b], wide: wide, .rax, .window)
    let again = assembler.position
    assembler.move(wide: wide, .rax, to: .r11)
    let opcode: UInt8 =
      switch instruction.immediate & ~AtomicOperation.fetch {
      case AtomicOperation.or: 0x0b
      case AtomicOperation.and: 0x23
      default: 0x33
      }
    if source == .rax {
      assembler.prefix(wide: wide, .r11, base: .rsp)
      assembler.emit(opcode)
      assembler.memory(X86Register.r11.low, .rsp, 0)
    } else {
      assembler.registers(opcode, wide: wide, .r11, to: source)
    }
    locked([0x0f, 0xb1], wide, .r11)
    assembler.patch(assembler.jump(.notEqual), to: again)
    assembler.move(wide: wide, .rax, to: .r11)
    assembler.load(.rax, .rsp, 0)
    assembler.move(wide: wide, .r11, to: source)
  }
}
