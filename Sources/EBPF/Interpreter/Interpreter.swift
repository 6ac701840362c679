// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Runs one instruction after the other; the reference for every other engine.
///
/// The loop holds its state in locals and raw words: no reference is counted and nothing is allocated.
enum Interpreter {
  /// Runs a function to its end, or until it is stopped; then the context says why.
  static func run(
    _ code: CodeBlock, from entry: Int, context: RunContext,
    arguments: (UInt64, UInt64, UInt64, UInt64)
  ) -> UInt64 {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Registers.capacity) { words in
      // Safe: the allocation is not empty, and every word that is read is written before.
      let start = unsafe words.baseAddress.unsafelyUnwrapped
      unsafe start.update(repeating: 0, count: 16)
      let registers = unsafe Registers(words: start)
      (registers[1], registers[2]) = (arguments.0, arguments.1)
      (registers[3], registers[4]) = (arguments.2, arguments.3)
      context.enterFrame(code, entry)
      registers[10] = context.frameOffset
      return loop(code, entry, context, registers)
    }
  }

  @inline(__always)
  private static func address(
    _ base: UInt64, _ instruction: Instruction, _ window: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    let offset = UInt32(truncatingIfNeeded: base) &+ UInt32(bitPattern: instruction.target)
    return unsafe window + Int(offset)
  }

  @inline(never)
  private static func fail(
    _ base: UInt64, _ instruction: Instruction, _ context: RunContext
  ) -> UInt64 {
    context.faultAddress = UInt64(
      UInt32(truncatingIfNeeded: base) &+ UInt32(bitPattern: instruction.target))
    context.fault = .memory
    return 0
  }

  // One case for each instruction, in the order of `Operation`: longer than a function may be, and easier to
  // read so than in pieces, each of which would need the loop's state.
  private static func loop(
    _ code: CodeBlock, _ entry: Int, _ context: RunContext, _ r: Registers
  ) -> UInt64 {
    let window = unsafe context.memory.base
    let instructions = unsafe code.instructions
    var index = entry
    var fuel = context.fuel
    var depth = 0
    defer { context.fuel = fuel }
    while true {
      let instruction = unsafe instructions[index]
      let d = Int(instruction.destination)
      let s = Int(instruction.source)
      let constant = UInt64(bitPattern: instruction.immediate)
      index &+= 1
      var isTaken = false
      switch instruction.operation {
      // Arithmetic.
      case .add64Immediate: r[d] = r[d] &+ constant
      case .add64Register: r[d] = r[d] &+ r[s]
      case .subtract64Immediate: r[d] = r[d] &- constant
      case .subtract64Register: r[d] = r[d] &- r[s]
      case .multiply64Immediate: r[d] = r[d] &* constant
      case .multiply64Register: r[d] = r[d] &* r[s]
      case .divide64Immediate: r[d] = Arithmetic.divide(r[d], constant)
      case .divide64Register: r[d] = Arithmetic.divide(r[d], r[s])
      case .or64Immediate: r[d] = r[d] | constant
      case .or64Register: r[d] = r[d] | r[s]
      case .and64Immediate: r[d] = r[d] & constant
      case .and64Register: r[d] = r[d] & r[s]
      case .shiftLeft64Immediate: r[d] = r[d] &<< constant
      case .shiftLeft64Register: r[d] = r[d] &<< r[s]
      case .shiftRight64Immediate: r[d] = r[d] &>> constant
      case .shiftRight64Register: r[d] = r[d] &>> r[s]
      case .modulo64Immediate: r[d] = Arithmetic.modulo(r[d], constant)
      case .modulo64Register: r[d] = Arithmetic.modulo(r[d], r[s])
      case .xor64Immediate: r[d] = r[d] ^ constant
      case .xor64Register: r[d] = r[d] ^ r[s]
      case .move64Immediate: r[d] = constant
      case .move64Register: r[d] = r[s]
      case .shiftRightSigned64Immediate: r[d] = Arithmetic.shiftRightSigned(r[d], constant)
      case .shiftRightSigned64Register: r[d] = Arithmetic.shiftRightSigned(r[d], r[s])
      case .negate64: r[d] = 0 &- r[d]
      case .add32Immediate: r.setLow(d, r.low(d) &+ UInt32(truncatingIfNeeded: constant))
      case .add32Register: r.setLow(d, r.low(d) &+ r.low(s))
      case .subtract32Immediate: r.setLow(d, r.low(d) &- UInt32(truncatingIfNeeded: constant))
      case .subtract32Register: r.setLow(d, r.low(d) &- r.low(s))
      case .multiply32Immediate: r.setLow(d, r.low(d) &* UInt32(truncatingIfNeeded: constant))
      case .multiply32Register: r.setLow(d, r.low(d) &* r.low(s))
      case .divide32Immediate:
        r.setLow(d, Arithmetic.divide(r.low(d), UInt32(truncatingIfNeeded: constant)))
      case .divide32Register: r.setLow(d, Arithmetic.divide(r.low(d), r.low(s)))
      case .or32Immediate: r.setLow(d, r.low(d) | UInt32(truncatingIfNeeded: constant))
      case .or32Register: r.setLow(d, r.low(d) | r.low(s))
      case .and32Immediate: r.setLow(d, r.low(d) & UInt32(truncatingIfNeeded: constant))
      case .and32Register: r.setLow(d, r.low(d) & r.low(s))
      case .shiftLeft32Immediate: r.setLow(d, r.low(d) &<< UInt32(truncatingIfNeeded: constant))
      case .shiftLeft32Register: r.setLow(d, r.low(d) &<< r.low(s))
      case .shiftRight32Immediate: r.setLow(d, r.low(d) &>> UInt32(truncatingIfNeeded: constant))
      case .shiftRight32Register: r.setLow(d, r.low(d) &>> r.low(s))
      case .modulo32Immediate:
        r.setLow(d, Arithmetic.modulo(r.low(d), UInt32(truncatingIfNeeded: constant)))
      case .modulo32Register: r.setLow(d, Arithmetic.modulo(r.low(d), r.low(s)))
      case .xor32Immediate: r.setLow(d, r.low(d) ^ UInt32(truncatingIfNeeded: constant))
      case .xor32Register: r.setLow(d, r.low(d) ^ r.low(s))
      case .move32Immediate: r.setLow(d, UInt32(truncatingIfNeeded: constant))
      case .move32Register: r.setLow(d, r.low(s))
      case .shiftRightSigned32Immediate:
        r.setLow(d, Arithmetic.shiftRightSigned(r.low(d), UInt32(truncatingIfNeeded: constant)))
      case .shiftRightSigned32Register: r.setLow(d, Arithmetic.shiftRightSigned(r.low(d), r.low(s)))
      case .negate32: r.setLow(d, 0 &- r.low(d))
      case .divideSigned64Immediate: r[d] = Arithmetic.divideSigned(r[d], constant)
      case .divideSigned64Register: r[d] = Arithmetic.divideSigned(r[d], r[s])
      case .divideSigned32Immediate:
        r.setLow(d, Arithmetic.divideSigned(r.low(d), UInt32(truncatingIfNeeded: constant)))
      case .divideSigned32Register: r.setLow(d, Arithmetic.divideSigned(r.low(d), r.low(s)))
      case .moduloSigned64Immediate: r[d] = Arithmetic.moduloSigned(r[d], constant)
      case .moduloSigned64Register: r[d] = Arithmetic.moduloSigned(r[d], r[s])
      case .moduloSigned32Immediate:
        r.setLow(d, Arithmetic.moduloSigned(r.low(d), UInt32(truncatingIfNeeded: constant)))
      case .moduloSigned32Register: r.setLow(d, Arithmetic.moduloSigned(r.low(d), r.low(s)))
      case .extend8To32: r.setLow(d, UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: r[s]))))
      case .extend16To32: r.setLow(d, UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: r[s]))))
      case .extend8To64: r[d] = UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: r[s])))
      case .extend16To64: r[d] = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: r[s])))
      case .extend32To64: r[d] = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: r[s])))
      case .truncate16: r[d] &= 0xffff
      case .truncate32: r[d] &= 0xffff_ffff
      case .swap16: r[d] = UInt64(UInt16(truncatingIfNeeded: r[d]).byteSwapped)
      case .swap32: r.setLow(d, r.low(d).byteSwapped)
      case .swap64: r[d] = r[d].byteSwapped
      // Memory.
      case .load8:
        let found = unsafe clinux_guarded_load8(address(r[s], instruction, window))
        if found.failed != 0 { return fail(r[s], instruction, context) }
        r[d] = found.value
      case .load16:
        let found = unsafe clinux_guarded_load16(address(r[s], instruction, window))
        if found.failed != 0 { return fail(r[s], instruction, context) }
        r[d] = found.value
      case .load32:
        let found = unsafe clinux_guarded_load32(address(r[s], instruction, window))
        if found.failed != 0 { return fail(r[s], instruction, context) }
        r[d] = found.value
      case .load64:
        let found = unsafe clinux_guarded_load64(address(r[s], instruction, window))
        if found.failed != 0 { return fail(r[s], instruction, context) }
        r[d] = found.value
      case .load8Signed:
        let found = unsafe clinux_guarded_load8(address(r[s], instruction, window))
        if found.failed != 0 { return fail(r[s], instruction, context) }
        r[d] = UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: found.value)))
      case .load16Signed:
        let found = unsafe clinux_guarded_load16(address(r[s], instruction, window))
        if found.failed != 0 { return fail(r[s], instruction, context) }
        r[d] = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: found.value)))
      case .load32Signed:
        let found = unsafe clinux_guarded_load32(address(r[s], instruction, window))
        if found.failed != 0 { return fail(r[s], instruction, context) }
        r[d] = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: found.value)))
      case .store8:
        if unsafe clinux_guarded_store8(address(r[d], instruction, window), r[s]) != 0 {
          return fail(r[d], instruction, context)
        }
      case .store8Immediate:
        if unsafe clinux_guarded_store8(address(r[d], instruction, window), constant) != 0 {
          return fail(r[d], instruction, context)
        }
      case .store16:
        if unsafe clinux_guarded_store16(address(r[d], instruction, window), r[s]) != 0 {
          return fail(r[d], instruction, context)
        }
      case .store16Immediate:
        if unsafe clinux_guarded_store16(address(r[d], instruction, window), constant) != 0 {
          return fail(r[d], instruction, context)
        }
      case .store32:
        if unsafe clinux_guarded_store32(address(r[d], instruction, window), r[s]) != 0 {
          return fail(r[d], instruction, context)
        }
      case .store32Immediate:
        if unsafe clinux_guarded_store32(address(r[d], instruction, window), constant) != 0 {
          return fail(r[d], instruction, context)
        }
      case .store64:
        if unsafe clinux_guarded_store64(address(r[d], instruction, window), r[s]) != 0 {
          return fail(r[d], instruction, context)
        }
      case .store64Immediate:
        if unsafe clinux_guarded_store64(address(r[d], instruction, window), constant) != 0 {
          return fail(r[d], instruction, context)
        }
      case .atomic32:
        guard unsafe Atomics.run32(instruction, r, window) else {
          return fail(r[d], instruction, context)
        }
      case .atomic64:
        guard unsafe Atomics.run64(instruction, r, window) else {
          return fail(r[d], instruction, context)
        }
      case .loadConstant:
        r[d] = constant
        index &+= 1
      case .loadFunction:
        r[d] = RunContext.handle(ofFunction: Int(instruction.target))
        index &+= 1
      case .secondSlot: return 0
      // Calls.
      case .callHelper:
        context.fuel = fuel
        r[0] = unsafe code.helpers[Int(instruction.immediate)].unsafelyUnwrapped(
          r[1], r[2], r[3], r[4], r[5], context.block)
        fuel = context.fuel
        if context.fault != .none { return 0 }
        clearArguments(r)
      case .callRegister:
        if r.signed(s) >= 0 {
          guard let helper = unsafe code.helper(r[s]) else { return stop(.badCall, context) }
          context.fuel = fuel
          r[0] = unsafe helper(r[1], r[2], r[3], r[4], r[5], context.block)
          fuel = context.fuel
          if context.fault != .none { return 0 }
          clearArguments(r)
        } else {
          guard let target = code.function(r[s]) else { return stop(.badCall, context) }
          guard context.hasFrames(code.depth(of: target)) else { return stop(.callDepth, context) }
          fuel &-= 1
          if fuel < 0 { return stop(.fuel, context) }
          r.save(returnTo: index, depth: depth)
          depth &+= 1
          context.pushFrame()
          context.enterFrame(code, target)
          r[10] = context.frameOffset
          index = target
        }
      case .callLocal:
        fuel &-= 1
        if fuel < 0 { return stop(.fuel, context) }
        r.save(returnTo: index, depth: depth)
        depth &+= 1
        context.pushFrame()
        index = Int(instruction.target)
        context.enterFrame(code, index)
        r[10] = context.frameOffset
      case .exit:
        if depth == 0 { return r[0] }
        depth &-= 1
        index = r.restore(depth: depth)
        context.popFrame()
        r[10] = context.frameOffset
      // Jumps: those that are taken go on below.
      case .jump: isTaken = true
      case .jumpIfEqual64Immediate: isTaken = r[d] == constant
      case .jumpIfEqual64Register: isTaken = r[d] == r[s]
      case .jumpIfAbove64Immediate: isTaken = r[d] > constant
      case .jumpIfAbove64Register: isTaken = r[d] > r[s]
      case .jumpIfAboveOrEqual64Immediate: isTaken = r[d] >= constant
      case .jumpIfAboveOrEqual64Register: isTaken = r[d] >= r[s]
      case .jumpIfAnySet64Immediate: isTaken = r[d] & constant != 0
      case .jumpIfAnySet64Register: isTaken = r[d] & r[s] != 0
      case .jumpIfNotEqual64Immediate: isTaken = r[d] != constant
      case .jumpIfNotEqual64Register: isTaken = r[d] != r[s]
      case .jumpIfGreater64Immediate: isTaken = r.signed(d) > instruction.immediate
      case .jumpIfGreater64Register: isTaken = r.signed(d) > r.signed(s)
      case .jumpIfGreaterOrEqual64Immediate: isTaken = r.signed(d) >= instruction.immediate
      case .jumpIfGreaterOrEqual64Register: isTaken = r.signed(d) >= r.signed(s)
      case .jumpIfBelow64Immediate: isTaken = r[d] < constant
      case .jumpIfBelow64Register: isTaken = r[d] < r[s]
      case .jumpIfBelowOrEqual64Immediate: isTaken = r[d] <= constant
      case .jumpIfBelowOrEqual64Register: isTaken = r[d] <= r[s]
      case .jumpIfLess64Immediate: isTaken = r.signed(d) < instruction.immediate
      case .jumpIfLess64Register: isTaken = r.signed(d) < r.signed(s)
      case .jumpIfLessOrEqual64Immediate: isTaken = r.signed(d) <= instruction.immediate
      case .jumpIfLessOrEqual64Register: isTaken = r.signed(d) <= r.signed(s)
      case .jumpIfEqual32Immediate: isTaken = r.low(d) == UInt32(truncatingIfNeeded: constant)
      case .jumpIfEqual32Register: isTaken = r.low(d) == r.low(s)
      case .jumpIfAbove32Immediate: isTaken = r.low(d) > UInt32(truncatingIfNeeded: constant)
      case .jumpIfAbove32Register: isTaken = r.low(d) > r.low(s)
      case .jumpIfAboveOrEqual32Immediate:
        isTaken = r.low(d) >= UInt32(truncatingIfNeeded: constant)
      case .jumpIfAboveOrEqual32Register: isTaken = r.low(d) >= r.low(s)
      case .jumpIfAnySet32Immediate: isTaken = r.low(d) & UInt32(truncatingIfNeeded: constant) != 0
      case .jumpIfAnySet32Register: isTaken = r.low(d) & r.low(s) != 0
      case .jumpIfNotEqual32Immediate: isTaken = r.low(d) != UInt32(truncatingIfNeeded: constant)
      case .jumpIfNotEqual32Register: isTaken = r.low(d) != r.low(s)
      case .jumpIfGreater32Immediate: isTaken = r.signedLow(d) > Int32(truncatingIfNeeded: constant)
      case .jumpIfGreater32Register: isTaken = r.signedLow(d) > r.signedLow(s)
      case .jumpIfGreaterOrEqual32Immediate:
        isTaken = r.signedLow(d) >= Int32(truncatingIfNeeded: constant)
      case .jumpIfGreaterOrEqual32Register: isTaken = r.signedLow(d) >= r.signedLow(s)
      case .jumpIfBelow32Immediate: isTaken = r.low(d) < UInt32(truncatingIfNeeded: constant)
      case .jumpIfBelow32Register: isTaken = r.low(d) < r.low(s)
      case .jumpIfBelowOrEqual32Immediate:
        isTaken = r.low(d) <= UInt32(truncatingIfNeeded: constant)
      case .jumpIfBelowOrEqual32Register: isTaken = r.low(d) <= r.low(s)
      case .jumpIfLess32Immediate: isTaken = r.signedLow(d) < Int32(truncatingIfNeeded: constant)
      case .jumpIfLess32Register: isTaken = r.signedLow(d) < r.signedLow(s)
      case .jumpIfLessOrEqual32Immediate:
        isTaken = r.signedLow(d) <= Int32(truncatingIfNeeded: constant)
      case .jumpIfLessOrEqual32Register: isTaken = r.signedLow(d) <= r.signedLow(s)
      }
      guard isTaken else { continue }
      let target = Int(instruction.target)
      if target < index {
        fuel &-= 1
        if fuel < 0 { return stop(.fuel, context) }
      }
      index = target
    }
  }

  /// What a helper leaves in the registers of its arguments is the host's business.
  @inline(__always)
  private static func clearArguments(_ r: Registers) {
    for number in 1...5 { r[number] = 0 }
  }

  @inline(never)
  private static func stop(_ fault: Fault, _ context: RunContext) -> UInt64 {
    context.fault = fault
    return 0
  }
}
