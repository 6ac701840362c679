// SPDX-License-Identifier: Apache-2.0

/// A 64-bit register of x86-64 by its number in instructions.
enum X86Register: UInt8 {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15

  var low: UInt8 { rawValue & 7 }
  var isHigh: Bool { rawValue > 7 }
}

/// A condition of x86-64 by its number in instructions.
enum X86Condition: UInt8 {
  case below = 2
  case aboveOrEqual, equal, notEqual, belowOrEqual, above, negative, notNegative
  case less = 12
  case greaterOrEqual, lessOrEqual, greater

  var inverted: X86Condition { X86Condition(rawValue: rawValue ^ 1) ?? self }
}

/// An operation with two operands, by the opcode of its register form; `rawValue >> 3` is its number with a constant.
enum X86Arithmetic: UInt8 {
  case add = 0x01
  case or = 0x09
  case and = 0x21
  case subtract = 0x29
  case xor = 0x31
  case compare = 0x39
}

/// Writes x86-64 instructions; knows nothing of programs.
///
/// `wide` means 64 bits, otherwise 32, whose results are zero-extended as RFC 9669 wants it.
struct X86Assembler {
  private(set) var octets: [UInt8] = []

  var position: Int { octets.count }

  init(capacity: Int) { octets.reserveCapacity(capacity) }

  mutating func emit(_ octet: UInt8) { octets.append(octet) }

  mutating func emit(_ first: UInt8, _ second: UInt8) {
    octets.append(first)
    octets.append(second)
  }

  mutating func emit32(_ value: Int32) {
    let bits = UInt32(bitPattern: value)
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      octets.append(UInt8(truncatingIfNeeded: bits >> shift))
    }
  }

  mutating func emit64(_ value: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      octets.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  /// The prefix that widens the operation and reaches the upper eight registers.
  mutating func prefix(
    wide: Bool, _ register: X86Register, index: X86Register = .rax, base: X86Register,
    always: Bool = false
  ) {
    let value: UInt8 =
      0x40 | (wide ? 8 : 0) | (register.isHigh ? 4 : 0) | (index.isHigh ? 2 : 0)
      | (base.isHigh ? 1 : 0)
    if value != 0x40 || always { emit(value) }
  }

  /// The operand octets of `[base + displacement]`.
  mutating func memory(_ register: UInt8, _ base: X86Register, _ displacement: Int32) {
    let isShort = (-128...127).contains(displacement)
    let mode: UInt8 = displacement == 0 && base.low != 5 ? 0 : isShort ? 0x40 : 0x80
    emit(mode | register << 3 | base.low)
    if base.low == 4 { emit(0x24) }
    if mode == 0x40 { emit(UInt8(truncatingIfNeeded: displacement)) }
    if mode == 0x80 { emit32(displacement) }
  }

  /// Two registers: `opcode` names the one that is written or compared as `target`.
  mutating func registers(
    _ opcode: UInt8, wide: Bool, _ source: X86Register, to target: X86Register
  ) {
    prefix(wide: wide, source, base: target)
    emit(opcode, 0xc0 | source.low << 3 | target.low)
  }

  mutating func arithmetic(
    _ operation: X86Arithmetic, wide: Bool, _ source: X86Register, to target: X86Register
  ) {
    registers(operation.rawValue, wide: wide, source, to: target)
  }

  mutating func arithmetic(
    _ operation: X86Arithmetic, wide: Bool, constant: Int32, to target: X86Register
  ) {
    prefix(wide: wide, .rax, base: target)
    let isShort = (-128...127).contains(constant)
    emit(isShort ? 0x83 : 0x81, 0xc0 | (operation.rawValue >> 3) << 3 | target.low)
    if isShort { emit(UInt8(truncatingIfNeeded: constant)) } else { emit32(constant) }
  }

  mutating func move(wide: Bool, _ source: X86Register, to target: X86Register) {
    registers(0x89, wide: wide, source, to: target)
  }

  /// A constant, in the shortest form.
  mutating func move(constant: UInt64, to target: X86Register) {
    if constant == 0 { return arithmetic(.xor, wide: false, target, to: target) }
    if let low = UInt32(exactly: constant) {
      prefix(wide: false, .rax, base: target)
      emit(0xb8 | target.low)
      return emit32(Int32(bitPattern: low))
    }
    prefix(wide: true, .rax, base: target)
    if let signed = Int32(exactly: Int64(bitPattern: constant)) {
      emit(0xc7, 0xc0 | target.low)
      return emit32(signed)
    }
    emit(0xb8 | target.low)
    emit64(constant)
  }

  mutating func load(_ target: X86Register, _ base: X86Register, _ displacement: Int32) {
    prefix(wide: true, target, base: base)
    emit(0x8b)
    memory(target.low, base, displacement)
  }

  mutating func store(_ source: X86Register, _ base: X86Register, _ displacement: Int32) {
    prefix(wide: true, source, base: base)
    emit(0x89)
    memory(source.low, base, displacement)
  }

  /// `base + displacement`, of which the lower 32 bits are kept unless it is wide.
  mutating func address(
    _ target: X86Register, _ base: X86Register, _ displacement: Int32, wide: Bool = false
  ) {
    prefix(wide: wide, target, base: base)
    emit(0x8d)
    memory(target.low, base, displacement)
  }

  mutating func push(_ register: X86Register) {
    prefix(wide: false, .rax, base: register)
    emit(0x50 | register.low)
  }

  mutating func pop(_ register: X86Register) {
    prefix(wide: false, .rax, base: register)
    emit(0x58 | register.low)
  }

  /// An operation with one operand, which `number` tells apart: 0xf7 /3 negates, 0xd3 /4 shifts left by cl.
  mutating func unary(_ opcode: UInt8, _ number: UInt8, wide: Bool, _ target: X86Register) {
    prefix(wide: wide, .rax, base: target)
    emit(opcode, 0xc0 | number << 3 | target.low)
  }

  /// Jumps whose distance is filled in later; answers where.
  mutating func jump(_ condition: X86Condition? = nil) -> Int {
    if let condition { emit(0x0f, 0x80 | condition.rawValue) } else { emit(0xe9) }
    emit32(0)
    return position - 4
  }

  mutating func call() -> Int {
    emit(0xe8)
    emit32(0)
    return position - 4
  }

  mutating func call(_ register: X86Register) {
    prefix(wide: false, .rax, base: register)
    emit(0xff, 0xd0 | register.low)
  }

  /// Fills in the distance at `place` to `target`.
  mutating func patch(_ place: Int, to target: Int) {
    let distance = UInt32(bitPattern: Int32(target - (place + 4)))
    for octet in 0..<4 {
      octets[place + octet] = UInt8(truncatingIfNeeded: distance >> UInt32(8 * octet))
    }
  }

  /// Fills up to a multiple of `boundary` with instructions that do nothing.
  mutating func align(_ boundary: Int) {
    let forms: [[UInt8]] = [
      [], [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0x00],
      [0x0f, 0x1f, 0x44, 0x00, 0x00], [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
      [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
      [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ]
    var missing = (boundary - position % boundary) % boundary
    while missing > 0 {
      let count = min(missing, 8)
      octets += forms[count]
      missing -= count
    }
  }
}
