// SPDX-License-Identifier: Apache-2.0

extension X86Generator {
  mutating func jump(_ instruction: Instruction, at index: Int) {
    let target = Int(instruction.target)
    if target <= index { takeFuel() }
    fixups.append((assembler.jump(), target))
  }

  private mutating func takeFuel() {
    assembler.unary(0xff, 1, wide: true, X86Generator.fuel)
    stop(.fuel, if: .negative)
  }

  mutating func conditionalJump(_ instruction: Instruction, at index: Int) {
    let condition = compare(instruction)
    let target = Int(instruction.target)
    guard target <= index else {
      fixups.append((assembler.jump(condition), target))
      return
    }
    // Fuel is for jumps that are taken: the other way goes around.
    let over = assembler.jump(condition.inverted)
    takeFuel()
    fixups.append((assembler.jump(), target))
    assembler.patch(over, to: assembler.position)
  }

  /// Sets the flags; answers the condition that takes the jump.
  private mutating func compare(_ instruction: Instruction) -> X86Condition {
    let code = instruction.operation.rawValue
    let wide = code & 7 == 5
    let isTest = code & 0xf0 == 0x40
    let target = operand(instruction.destination, scratch: .r10)
    if code & 8 != 0 {
      let source = operand(instruction.source)
      assembler.registers(isTest ? 0x85 : 0x39, wide: wide, source, to: target)
    } else if isTest {
      assembler.unary(0xf7, 0, wide: wide, target)
      assembler.emit32(Int32(truncatingIfNeeded: instruction.immediate))
    } else {
      let constant = Int32(truncatingIfNeeded: instruction.immediate)
      assembler.arithmetic(.compare, wide: wide, constant: constant, to: target)
    }
    return X86Generator.condition(code)
  }

  private static func condition(_ code: UInt8) -> X86Condition {
    switch code & 0xf0 {
    case 0x10: .equal
    case 0x20: .above
    case 0x30: .aboveOrEqual
    case 0x60: .greater
    case 0x70: .greaterOrEqual
    case 0xa0: .below
    case 0xb0: .belowOrEqual
    case 0xc0: .less
    case 0xd0: .lessOrEqual
    default: .notEqual
    }
  }

  mutating func callHelper(_ number: Int) {
    // Safe: only the address is taken; the decoder has found that the helper is there.
    let address = unsafe UInt(bitPattern: unsafeBitCast(code.helpers[number], to: Int.self))
    assembler.move(constant: UInt64(address), to: .r11)
    callHelperInScratch()
  }

  /// Calls the helper whose address is in r11.
  private mutating func callHelperInScratch() {
    assembler.load(.r10, .rsp, X86Generator.contextPlace)
    assembler.store(X86Generator.fuel, .r10, 8)
    assembler.store(.rbp, .r10, 48)
    assembler.move(wide: true, .r10, to: .r9)
    assembler.call(.r11)
    assembler.load(.r10, .rsp, X86Generator.contextPlace)
    assembler.load(X86Generator.fuel, .r10, 8)
    // cmp dword [r10 + 24], 0
    assembler.prefix(wide: false, .rax, base: .r10)
    assembler.emit(0x83)
    assembler.memory(7, .r10, 24)
    assembler.emit(0)
    stop(.helper, if: .notEqual)
    clearArguments()
  }

  /// The helper may have left addresses of the host in the registers of its arguments.
  private mutating func clearArguments() {
    for number: UInt8 in 1...5 { assembler.move(constant: 0, to: register(number)) }
  }

  /// Does what the helper would: the offset of the value whose number is where r2 points to, or 0.
  mutating func lookUp(_ array: MapBinding) {
    assembler.address(.r10, register(2), 0)
    loadKey()
    assembler.arithmetic(
      .compare, wide: false, constant: Int32(bitPattern: array.entryCount), to: .rax)
    let isOutside = assembler.jump(.aboveOrEqual)
    multiplyKey(by: array.entryByteCount)
    assembler.move(constant: UInt64(array.valuesOffset), to: .r11)
    assembler.arithmetic(.add, wide: true, .r11, to: .rax)
    let done = assembler.jump()
    assembler.patch(isOutside, to: assembler.position)
    assembler.move(constant: 0, to: .rax)
    assembler.patch(done, to: assembler.position)
    clearArguments()
  }

  private mutating func multiplyKey(by byteCount: UInt32) {
    if byteCount.nonzeroBitCount == 1 {
      assembler.unary(0xc1, 4, wide: true, .rax)
      assembler.emit(UInt8(byteCount.trailingZeroBitCount))
    } else {
      assembler.prefix(wide: true, .rax, base: .rax)
      assembler.emit(0x69, 0xc0)
      assembler.emit32(Int32(bitPattern: byteCount))
    }
  }

  private static let kept: [X86Register] = [.rbx, .r13, .r14, .r15]

  mutating func callLocal(_ target: Int) {
    takeFuel()
    enterCallee()
    calls.append((assembler.call(), target))
    leaveCallee()
  }

  private mutating func enterCallee() {
    for register in X86Generator.kept { assembler.push(register) }
    let pushed = Int32(X86Generator.kept.count * 8)
    assembler.load(.r10, .rsp, X86Generator.contextPlace + pushed)
    assembler.push(.r10)
    assembler.arithmetic(
      .subtract, wide: true, constant: Int32(RunContext.frameByteCount), to: .rbp)
  }

  private mutating func leaveCallee() {
    assembler.arithmetic(.add, wide: true, constant: 8, to: .rsp)
    for register in X86Generator.kept.reversed() { assembler.pop(register) }
    assembler.arithmetic(.add, wide: true, constant: Int32(RunContext.frameByteCount), to: .rbp)
  }

  /// Calls what a register names: a function by its handle, whose top bit is set, or a helper by its number.
  mutating func callRegister(_ number: UInt8) {
    assembler.move(wide: true, operand(number), to: .r11)
    assembler.registers(0x85, wide: true, .r11, to: .r11)
    let isFunction = assembler.jump(.negative)
    assembler.arithmetic(
      .compare, wide: true, constant: Int32(HelperTable.capacity), to: .r11)
    stop(.badCall, if: .aboveOrEqual)
    assembler.load(.r10, .rsp, X86Generator.contextPlace)
    assembler.load(.r10, .r10, 64)
    assembler.load(.r10, .r10, 24)
    // mov r11, [r10 + r11 * 8]
    for octet: UInt8 in [0x4f, 0x8b, 0x1c, 0xda] { assembler.emit(octet) }
    assembler.registers(0x85, wide: true, .r11, to: .r11)
    stop(.badCall, if: .equal)
    callHelperInScratch()
    let done = assembler.jump()
    assembler.patch(isFunction, to: assembler.position)
    callFunctionInScratch()
    assembler.patch(done, to: assembler.position)
  }

  /// Calls the function whose handle is in r11.
  private mutating func callFunctionInScratch() {
    // btr r11, 63
    for octet: UInt8 in [0x49, 0x0f, 0xba, 0xf3, 63] { assembler.emit(octet) }
    assembler.load(.r10, .rsp, X86Generator.contextPlace)
    assembler.load(.r10, .r10, 64)
    // cmp r11, [r10 + 16]
    for octet: UInt8 in [0x4d, 0x3b, 0x5a, 16] { assembler.emit(octet) }
    stop(.badCall, if: .aboveOrEqual)
    assembler.unary(0xc1, 4, wide: true, .r11)
    assembler.emit(4)
    // add r11, [r10 + 32]: the function's row
    for octet: UInt8 in [0x4d, 0x03, 0x5a, 32] { assembler.emit(octet) }
    // mov r10d, [r11 + 8]: the octets of stack that it needs
    for octet: UInt8 in [0x45, 0x8b, 0x53, 8] { assembler.emit(octet) }
    assembler.registers(0x85, wide: true, .r10, to: .r10)
    stop(.badCall, if: .equal)
    checkDepth()
    takeFuel()
    enterCallee()
    // call [r11]
    for octet: UInt8 in [0x41, 0xff, 0x13] { assembler.emit(octet) }
    leaveCallee()
  }

  /// Stops if the stack has not the octets that r10 says below the frames in use.
  private mutating func checkDepth() {
    assembler.unary(0xf7, 3, wide: true, .r10)
    // lea r10, [rbp + r10 - 512]
    for octet: UInt8 in [0x4e, 0x8d, 0x94, 0x15] { assembler.emit(octet) }
    assembler.emit32(Int32(-RunContext.frameByteCount))
    assembler.store(.rax, .rsp, 0)
    assembler.load(.rax, .rsp, X86Generator.contextPlace)
    // cmp r10, [rax + 56]
    for octet: UInt8 in [0x4c, 0x3b, 0x50, 56] { assembler.emit(octet) }
    assembler.load(.rax, .rsp, 0)
    stop(.callDepth, if: .below)
  }
}
