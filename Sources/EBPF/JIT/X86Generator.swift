// SPDX-License-Identifier: Apache-2.0

/// Generates x86-64 code for a program.
///
/// Registers: r0 rax, r1 rdi, r2 rsi, r3 rdx, r4 rcx, r5 r8, as the C calling convention has them, so that helpers are
/// called without moves; r6 rbx, r7 r13, r8 r14, r9 r15; r10 rbp, which holds the *host's* address of the frame: what
/// the program sees of it is its lower half. r12 is the arena window, r9 the fuel, r10 and r11 are scratch.
///
/// A load or store adds in 32 bits and goes through r12, so it cannot leave the window and the guard behind it.
///
/// The native stack inside a function: `[rsp]` and `[rsp+8]` scratch, `[rsp+16]` return address, `[rsp+24]` the
/// context. So a run can be stopped at any instruction, from any depth. A program that calls nothing has no function:
/// it lies in the entry, in a frame of the same layout, and saves only what it changes (``X86Needs``).
struct X86Generator {
  static let registers: [X86Register] = [
    .rax, .rdi, .rsi, .rdx, .rcx, .r8, .rbx, .r13, .r14, .r15, .rbp,
  ]
  static let window = X86Register.r12
  static let fuel = X86Register.r9
  static let contextPlace: Int32 = 24

  let program: Program
  let code: CodeBlock
  let needs: X86Needs
  var assembler: X86Assembler
  /// Where each instruction's code begins.
  private var places: [Int]
  /// Where the code of the function begins that has its first instruction here; a jump there must not enter it again.
  private var entries: [Int: Int] = [:]
  /// Distances to be filled in: where, and the instruction that they lead to.
  var fixups: [(place: Int, index: Int)] = []
  /// The same for calls, which lead to functions.
  var calls: [(place: Int, index: Int)] = []
  /// Where a run is stopped for a reason that no memory fault gives.
  var stops: [Fault: Int] = [:]
  var faultStub = 0
  private var entry = 0

  static func generate(_ program: Program, _ code: CodeBlock) -> GeneratedCode.Image {
    var generator = X86Generator(program: program, code: code)
    generator.emitStops()
    generator.assembler.align(32)
    generator.entry = generator.assembler.position
    generator.emitEntry()
    if !generator.needs.isLeaf {
      generator.assembler.call(.r11)
      generator.emitReturn()
    }
    generator.emitProgram()
    for fixup in generator.fixups {
      generator.assembler.patch(fixup.place, to: generator.places[fixup.index])
    }
    for call in generator.calls {
      generator.assembler.patch(call.place, to: generator.entries[call.index] ?? 0)
    }
    return GeneratedCode.Image(
      octets: generator.assembler.octets, entry: generator.entry, faultStub: generator.faultStub,
      functions: generator.entries.map { ($0.key, $0.value) })
  }

  private init(program: Program, code: CodeBlock) {
    self.program = program
    self.code = code
    needs = X86Needs(program)
    assembler = X86Assembler(capacity: 512 + program.instructions.count * 12)
    places = Array(repeating: 0, count: program.instructions.count)
  }

  func register(_ number: UInt8) -> X86Register { X86Generator.registers[Int(number)] }

  /// The register to read an operand from; for r10, one that holds what the program sees of it.
  mutating func operand(_ number: UInt8, scratch: X86Register = .r11) -> X86Register {
    guard number == 10 else { return register(number) }
    assembler.move(wide: false, .rbp, to: scratch)
    return scratch
  }

  /// Jumps to where the run is stopped.
  mutating func stop(_ fault: Fault, if condition: X86Condition) {
    let place = assembler.jump(condition)
    assembler.patch(place, to: stops[fault] ?? faultStub)
  }

  private mutating func emitProgram() {
    var loops = Set<Int>()
    for (index, instruction) in program.instructions.enumerated()
    where instruction.isJump && Int(instruction.target) <= index {
      loops.insert(Int(instruction.target))
    }
    for function in program.functions {
      if !needs.isLeaf { assembler.align(32) }
      entries[function.range.lowerBound] = assembler.position
      emitPrologue(function)
      for index in function.range {
        if loops.contains(index) { assembler.align(32) }
        places[index] = assembler.position
        emit(program.instructions[index], at: index)
      }
    }
  }

  /// Makes room for scratch, and zeroes what the function may see of its frame.
  private mutating func emitPrologue(_ function: Program.Function) {
    if !needs.isLeaf { assembler.arithmetic(.subtract, wide: true, constant: 16, to: .rsp) }
    guard function.frameByteCount > 0 else { return }
    // xorps xmm0, xmm0; movups [rbp - n], xmm0
    for octet: UInt8 in [0x0f, 0x57, 0xc0] { assembler.emit(octet) }
    for offset in stride(from: -function.frameByteCount, to: 0, by: 16) {
      assembler.emit(0x0f, 0x11)
      assembler.memory(0, .rbp, Int32(offset))
    }
  }

  // A switch over all instructions, each of which is written elsewhere.
  private mutating func emit(_ instruction: Instruction, at index: Int) {
    let code = instruction.operation.rawValue
    switch instruction.operation {
    case .secondSlot: break
    case .loadConstant:
      assembler.move(
        constant: UInt64(bitPattern: instruction.immediate), to: register(instruction.destination))
    case .loadFunction:
      assembler.move(
        constant: RunContext.handle(ofFunction: Int(instruction.target)),
        to: register(instruction.destination))
    case .exit: exit()
    case .callHelper where instruction.isArrayLookup:
      lookUp(program.arrays[Int(instruction.target) - 1])
    case .callHelper: callHelper(Int(instruction.immediate))
    case .callLocal: callLocal(Int(instruction.target))
    case .callRegister: callRegister(instruction.source)
    case .jump: jump(instruction, at: index)
    case .atomic32: atomic(instruction, wide: false)
    case .atomic64: atomic(instruction, wide: true)
    case _ where instruction.operation.isLoad: load(instruction)
    case _ where instruction.operation.isStore: store(instruction)
    case _ where instruction.isConditionalJump: conditionalJump(instruction, at: index)
    case _ where code & 7 == 4 || code & 7 == 7: arithmetic(instruction, wide: code & 7 == 7)
    default: variant(instruction)
    }
  }

  private mutating func exit() {
    if needs.isLeaf { return emitReturn() }
    assembler.arithmetic(.add, wide: true, constant: 16, to: .rsp)
    assembler.emit(0xc3)
  }
}
