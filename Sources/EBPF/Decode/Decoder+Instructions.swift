// SPDX-License-Identifier: Apache-2.0

// Each class of RFC 9669, section 3, with the fields that it uses; those that it does not use have to be zero.
extension Decoder {
  private func known(_ slot: RawInstruction) throws(ProgramError) -> Operation {
    // Below 0x62, memory classes have only octets that stand for variants of other instructions, or the wide load.
    let isMemory = slot.opcode & 7 < 4
    guard let operation = Operation(rawValue: slot.opcode), !isMemory || slot.opcode > 0x60 else {
      throw failure(.unknownInstruction(opcode: slot.opcode))
    }
    return operation
  }

  func arithmetic(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(slot.destination < 10, .frameIsReadOnly)
    let usesRegister = slot.opcode & 8 != 0
    if slot.opcode & 0xf0 == 0xd0 { return try byteOrder(slot) }
    try require(slot.source <= 10, .register(slot.source))
    var result = Instruction(
      operation: try known(slot), destination: slot.destination, source: slot.source,
      immediate: Int64(slot.immediate))
    if slot.opcode & 0xf0 == 0x80 {
      try require(!usesRegister, .unknownInstruction(opcode: slot.opcode))
      try require(slot.immediate == 0)
    }
    try require(usesRegister ? slot.immediate == 0 : slot.source == 0)
    if slot.offset != 0 { result.operation = try variant(slot) }
    return result
  }

  /// The arithmetic that the offset tells apart: signed division, and moves that extend a sign.
  private func variant(_ slot: RawInstruction) throws(ProgramError) -> Operation {
    let is64 = slot.opcode & 7 == 7
    let usesRegister = slot.opcode & 8 != 0
    switch (slot.opcode & 0xf0, slot.offset, usesRegister) {
    case (0x30, 1, false): return is64 ? .divideSigned64Immediate : .divideSigned32Immediate
    case (0x30, 1, true): return is64 ? .divideSigned64Register : .divideSigned32Register
    case (0x90, 1, false): return is64 ? .moduloSigned64Immediate : .moduloSigned32Immediate
    case (0x90, 1, true): return is64 ? .moduloSigned64Register : .moduloSigned32Register
    case (0xb0, 8, true): return is64 ? .extend8To64 : .extend8To32
    case (0xb0, 16, true): return is64 ? .extend16To64 : .extend16To32
    case (0xb0, 32, true) where is64: return .extend32To64
    default: throw failure(.reservedField)
    }
  }

  /// Conversions to little and big endian (32-bit class), and unconditional swaps (64-bit class).
  private func byteOrder(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(slot.source == 0 && slot.offset == 0)
    let isSwap = slot.opcode == 0xdc || slot.opcode == 0xd7
    try require(isSwap || slot.opcode == 0xd4, .unknownInstruction(opcode: slot.opcode))
    var result = Instruction(operation: .move64Register, destination: slot.destination)
    result.source = slot.destination
    switch (slot.immediate, isSwap) {
    case (16, true): result.operation = .swap16
    case (32, true): result.operation = .swap32
    case (64, true): result.operation = .swap64
    case (16, false): result.operation = .truncate16
    case (32, false): result.operation = .truncate32
    case (64, false): break
    default: throw failure(.reservedField)
    }
    return result
  }

  func load(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(slot.destination < 10, .frameIsReadOnly)
    try require(slot.source <= 10, .register(slot.source))
    try require(slot.immediate == 0)
    try checkFrame(slot, base: slot.source)
    return Instruction(
      operation: try known(slot), destination: slot.destination, source: slot.source,
      target: Int32(slot.offset))
  }

  func store(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(slot.source <= 10, .register(slot.source))
    let operation = try known(slot)
    let isConstant = slot.opcode & 7 == 2
    if operation == .atomic32 || operation == .atomic64 {
      try atomic(slot)
    } else {
      try require(isConstant ? slot.source == 0 : slot.immediate == 0)
    }
    try checkFrame(slot, base: slot.destination)
    return Instruction(
      operation: operation, destination: slot.destination, source: slot.source,
      target: Int32(slot.offset), immediate: Int64(slot.immediate))
  }

  private func atomic(_ slot: RawInstruction) throws(ProgramError) {
    let action = Int64(slot.immediate)
    switch action & ~AtomicOperation.fetch {
    case AtomicOperation.add, AtomicOperation.or, AtomicOperation.and, AtomicOperation.xor:
      let fetches = action & AtomicOperation.fetch != 0
      try require(!fetches || slot.source < 10, .frameIsReadOnly)
    default:
      try require(
        action == AtomicOperation.exchange || action == AtomicOperation.compareExchange)
      try require(
        action == AtomicOperation.compareExchange || slot.source < 10, .frameIsReadOnly)
    }
  }

  /// An access through the frame pointer itself can be judged now, and then needs no check when it runs.
  private func checkFrame(_ slot: RawInstruction, base: UInt8) throws(ProgramError) {
    guard base == 10 else { return }
    let byteCount = [4, 2, 1, 8][Int(slot.opcode >> 3 & 3)]
    let offset = Int(slot.offset)
    let isInside = offset >= -RunContext.frameByteCount && offset + byteCount <= 0
    try require(isInside, .outsideFrame(offset: offset))
  }

  func jump(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    switch slot.opcode {
    case 0x85: return try call(slot)
    case 0x8d: return try callRegister(slot)
    case 0x95:
      try require(slot.word >> 8 == 0)
      return Instruction(operation: .exit)
    case 0x05:
      try require(slot.immediate == 0 && slot.source == 0 && slot.destination == 0)
      return Instruction(operation: .jump, target: try destinationIndex(Int(slot.offset)))
    case 0x06:
      try require(slot.offset == 0 && slot.source == 0 && slot.destination == 0)
      return Instruction(operation: .jump, target: try destinationIndex(Int(slot.immediate)))
    default:
      let operation = try known(slot)
      try require(operation.isRegularJump, .unknownInstruction(opcode: slot.opcode))
      try require(slot.source <= 10, .register(slot.source))
      try require(slot.opcode & 8 != 0 ? slot.immediate == 0 : slot.source == 0)
      return Instruction(
        operation: operation, destination: slot.destination, source: slot.source,
        target: try destinationIndex(Int(slot.offset)), immediate: Int64(slot.immediate))
    }
  }

  private func call(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(slot.destination == 0 && slot.offset == 0)
    switch slot.source {
    case 0:
      unsafe try require(helpers[Int(slot.immediate)] != nil, .helper(Int(slot.immediate)))
      return Instruction(operation: .callHelper, immediate: Int64(slot.immediate))
    case 1:
      return Instruction(
        operation: .callLocal, target: try destinationIndex(Int(slot.immediate)))
    case 2: throw failure(.kernelFunction)
    default: throw failure(.reservedField)
    }
  }

  /// Compilers disagree on where the register stands: in the destination field, or, before LLVM 19, in the immediate.
  private func callRegister(_ slot: RawInstruction) throws(ProgramError) -> Instruction {
    try require(slot.source == 0 && slot.offset == 0)
    try require(slot.destination == 0 || slot.immediate == 0)
    let register =
      slot.immediate == 0 ? slot.destination : UInt8(truncatingIfNeeded: slot.immediate)
    try require((0...10).contains(slot.immediate), .register(register))
    return Instruction(operation: .callRegister, source: register)
  }
}
