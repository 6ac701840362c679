// SPDX-License-Identifier: Apache-2.0

/// What a program needs of the frame that its run has on the native stack.
struct X86Needs {
  /// Nothing is called, so the program runs in the frame of the entry itself.
  let isLeaf: Bool
  /// Something is counted: a jump backwards or a call.
  let fuel: Bool
  /// Something is accessed through the window, and may fault.
  let window: Bool
  /// r10 is read.
  let frame: Bool
  /// Registers are saved around an instruction.
  let scratch: Bool
  /// The registers of the program that occur in it.
  let registers: Set<UInt8>

  init(_ program: Program) {
    var (registers, calls, fuel, window, scratch) = (Set<UInt8>([0]), false, false, false, false)
    for (index, instruction) in program.instructions.enumerated() {
      let operation = instruction.operation
      registers.insert(instruction.destination)
      registers.insert(instruction.source)
      let isLookup = instruction.isArrayLookup
      let isCall = operation.isCall && !isLookup
      if isLookup { registers.formUnion(0...5) }
      calls = calls || isCall
      fuel = fuel || isCall || instruction.isJump && Int(instruction.target) <= index
      let base = operation.isLoad ? instruction.source : instruction.destination
      let isAccess = operation.isLoad || operation.isStore
      window = window || isLookup || instruction.isAtomic || isAccess && base != 10
      scratch = scratch || instruction.isAtomic || operation.isDivision
    }
    isLeaf = !calls
    self.fuel = fuel
    self.window = window
    frame = registers.contains(10)
    self.scratch = scratch
    // Helpers take five registers and calls of functions save four, whether the program names them or not.
    self.registers = calls ? Set(0...10) : registers
  }

  /// Whether the context has its place on the stack, and scratch below it.
  var context: Bool { !isLeaf || fuel || window || scratch }
}

extension X86Generator {
  /// The registers that a C function has to leave as they were, where the program changes them.
  private var saved: [X86Register] {
    var saved: [X86Register] = needs.frame || !needs.isLeaf ? [.rbp] : []
    if needs.window || !needs.isLeaf { saved.append(X86Generator.window) }
    for number in UInt8(6)...9 where needs.registers.contains(number) {
      saved.append(register(number))
    }
    return saved
  }

  /// Takes over from ``GeneratedEntry``'s caller: r8 is the context, r1 to r4 are where they belong.
  mutating func emitEntry() {
    for register in saved { assembler.push(register) }
    if !needs.isLeaf {
      // A run inside a run, for a helper that calls back, has its own place to stop at.
      assembler.prefix(wide: false, .rax, base: .r8)
      assembler.emit(0xff)
      assembler.memory(6, .r8, 16)
      assembler.push(.r8)
      assembler.store(.rsp, .r8, 16)
      assembler.move(wide: true, .r9, to: .r11)
    } else if needs.context {
      assembler.push(.r8)
      // Scratch, and the place of a return address that there is not.
      assembler.arithmetic(.subtract, wide: true, constant: 24, to: .rsp)
    }
    if saved.contains(X86Generator.window) { assembler.load(X86Generator.window, .r8, 0) }
    if saved.contains(.rbp) { assembler.load(.rbp, .r8, 48) }
    if needs.fuel { assembler.load(X86Generator.fuel, .r8, 8) }
    for number: UInt8 in [0, 5, 6, 7, 8, 9] where needs.registers.contains(number) {
      assembler.move(constant: 0, to: register(number))
    }
  }

  /// Undoes what the entry did and returns to ``GeneratedEntry``'s caller.
  ///
  /// The stack pointer is where the entry left it: in a leaf below scratch, otherwise on the context.
  mutating func emitReturn() {
    if needs.isLeaf {
      if needs.fuel {
        assembler.load(.r10, .rsp, X86Generator.contextPlace)
        assembler.store(X86Generator.fuel, .r10, 8)
      }
      if needs.context { assembler.arithmetic(.add, wide: true, constant: 32, to: .rsp) }
    } else {
      assembler.pop(.r10)
      assembler.store(X86Generator.fuel, .r10, 8)
      assembler.prefix(wide: false, .rax, base: .r10)
      assembler.emit(0x8f)
      assembler.memory(0, .r10, 16)
    }
    for register in saved.reversed() { assembler.pop(register) }
    assembler.emit(0xc3)
  }

  /// Where runs end early: r0 is 0, and the context says why.
  mutating func emitStops() {
    faultStub = assembler.position
    guard needs.context else { return assembler.emit(0xcc) }
    assembler.load(.rdi, .rsp, X86Generator.contextPlace)
    assembler.store(.r10, .rdi, 32)
    assembler.store(.r11, .rdi, 40)
    assembler.move(constant: UInt64(Fault.memory.rawValue), to: .rcx)
    var unwind: [Int] = [assembler.jump()]
    for fault in [Fault.fuel, .callDepth, .badCall] {
      stops[fault] = assembler.position
      assembler.load(.rdi, .rsp, X86Generator.contextPlace)
      assembler.move(constant: UInt64(fault.rawValue), to: .rcx)
      unwind.append(assembler.jump())
    }
    for place in unwind { assembler.patch(place, to: assembler.position) }
    assembler.prefix(wide: false, .rcx, base: .rdi)
    assembler.emit(0x89)
    assembler.memory(X86Register.rcx.low, .rdi, 24)
    guard !needs.isLeaf else {
      assembler.move(constant: 0, to: .rax)
      return emitReturn()
    }
    let unwound = assembler.jump()
    // After a helper that stops the run: it has written why.
    stops[.helper] = assembler.position
    assembler.load(.rdi, .rsp, X86Generator.contextPlace)
    assembler.patch(unwound, to: assembler.position)
    assembler.load(.rsp, .rdi, 16)
    assembler.move(constant: 0, to: .rax)
    emitReturn()
  }
}

extension Operation {
  fileprivate var isDivision: Bool {
    switch self {
    case .divide32Immediate, .divide32Register, .divide64Immediate, .divide64Register,
      .modulo32Immediate, .modulo32Register, .modulo64Immediate, .modulo64Register,
      .divideSigned32Immediate, .divideSigned32Register, .divideSigned64Immediate,
      .divideSigned64Register, .moduloSigned32Immediate, .moduloSigned32Register,
      .moduloSigned64Immediate, .moduloSigned64Register:
      true
    default: false
    }
  }
}
