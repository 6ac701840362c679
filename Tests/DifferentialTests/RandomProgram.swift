// SPDX-License-Identifier: Apache-2.0

import EBPF

/// A program that the kernel's verifier should accept, and that computes what nobody can foresee.
///
/// It takes its registers and sixteen words of its stack from the packet, does something at random with them, with the
/// stack and with the rest of the packet, and writes all of them back into the packet:
///
///     packet   0  r0 to r9    80  the words    208  for loads and stores    512
///     stack  -160  the words    -32  scratch    -24, -16  loop counters    -8  the packet's address
struct RandomProgram {
  static let packetByteCount = 512
  static let words = 16
  static let wordsOffset: Int16 = -160
  private static let scratch: Int16 = -32

  private(set) var slots: [RawInstruction] = []
  var generator: SeededGenerator
  /// Whether the packet's address is on the stack: only the program itself has it.
  private(set) var hasPacket = true
  private(set) var depth = 0
  private var loops = 0
  /// Calls whose distance is not known yet: the slot, and the function's number.
  private var calls: [(slot: Int, function: Int)] = []
  private let functions: Int
  private var function = 0

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    functions = Int.random(in: 0..<5, using: &generator) % 3
    emitProlog()
    emitBlock(Int.random(in: 1...24, using: &generator))
    emitEpilog()
    var starts = [0]
    while function < functions {
      function += 1
      starts.append(slots.count)
      // What nobody calls the verifier does not take. Only those in front of it can.
      if calls.contains(where: { $0.function == function }) { emitFunction() }
    }
    for call in calls {
      slots[call.slot] = RawInstruction(
        opcode: 0x85, source: 1, immediate: Int32(starts[call.function] - call.slot - 1))
    }
  }

  mutating func emit(
    _ opcode: UInt8, _ destination: UInt8 = 0, _ source: UInt8 = 0, _ offset: Int16 = 0,
    _ immediate: Int32 = 0
  ) {
    slots.append(
      RawInstruction(
        opcode: opcode, destination: destination, source: source, offset: offset,
        immediate: immediate))
  }

  mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &generator) == 0 }

  mutating func register(except other: UInt8? = nil) -> UInt8 {
    let number = UInt8.random(in: 0...9, using: &generator)
    return number == other ? (number + 1) % 10 : number
  }

  /// The place of a word on the stack to load from.
  mutating func word() -> Int16 { word(in: 0..<Int16(Self.words)) }

  /// The place of a word to store into; the last four are left to atomic accesses.
  ///
  /// The verifier (6.18) forgets that a branch depends on what an atomic access fetched, and then takes code that is
  /// reached for dead. It cannot where it knows nothing of the word, and of a word that an atomic access has written it
  /// knows nothing.
  mutating func plainWord() -> Int16 { word(in: 0..<Int16(Self.words - 4)) }

  /// The place of a word for atomic accesses.
  mutating func atomicWord() -> Int16 { word(in: Int16(Self.words - 4)..<Int16(Self.words)) }

  private mutating func word(in range: Range<Int16>) -> Int16 {
    Self.wordsOffset + 8 * Int16.random(in: range, using: &generator)
  }

  private mutating func forgetAtomicWords() {
    for index in Int16(Self.words - 4)..<Int16(Self.words) {
      emit(0xdb, 10, 1, Self.wordsOffset + 8 * index)
    }
  }

  private mutating func emitProlog() {
    emit(0x61, 2, 1, 0)
    emit(0x61, 3, 1, 4)
    emit(0xbf, 4, 2)
    emit(0x07, 4, 0, 0, Int32(Self.packetByteCount))
    emit(0xbd, 4, 3, 2)
    emit(0xb7, 0, 0, 0, 1)
    emit(0x95)
    emit(0x7b, 10, 2, -8)
    for index in 0..<Int16(Self.words) {
      emit(0x79, 0, 2, 80 + 8 * index)
      emit(0x7b, 10, 0, Self.wordsOffset + 8 * index)
    }
    emit(0x79, 1, 2, 8)
    forgetAtomicWords()
    for number in [0, 1, 3, 4, 5, 6, 7, 8, 9, 2] as [UInt8] {
      emit(0x79, number, 2, 8 * Int16(number))
    }
  }

  private mutating func emitEpilog() {
    emit(0x7b, 10, 9, Self.scratch)
    emit(0x79, 9, 10, -8)
    for number in UInt8(0)..<9 { emit(0x7b, 9, number, 8 * Int16(number)) }
    emit(0x79, 0, 10, Self.scratch)
    emit(0x7b, 9, 0, 72)
    for index in 0..<Int16(Self.words) {
      emit(0x79, 0, 10, Self.wordsOffset + 8 * index)
      emit(0x7b, 9, 0, 80 + 8 * index)
    }
    emit(0xb7, 0, 0, 0, 2)
    emit(0x95)
  }

  /// A function has its arguments, a frame of its own, and no packet.
  private mutating func emitFunction() {
    hasPacket = false
    for index in 0..<Int16(Self.words) {
      emit(0x7b, 10, 1 + UInt8(index % 5), Self.wordsOffset + 8 * index)
    }
    forgetAtomicWords()
    for number in [0, 6, 7, 8, 9] as [UInt8] { emit(0x79, number, 10, word()) }
    emitBlock(Int.random(in: 1...10, using: &generator))
    emit(0x95)
  }

  mutating func emitBlock(_ count: Int) {
    depth += 1
    for _ in 0..<count { emitStatement() }
    depth -= 1
  }

  private mutating func emitStatement() {
    switch Int.random(in: 0..<24, using: &generator) {
    case 0..<12: emitArithmetic()
    case 12, 13: emitStackAccess()
    case 14, 15: emitPacketAccess()
    case 16, 17: emitAtomic()
    case 18..<21: emitBranch()
    case 21: emitLoop()
    case 22: emitCall()
    default: emitConstant()
    }
  }

  private mutating func emitBranch() {
    guard depth < 4 else { return emitArithmetic() }
    let (start, isWide) = (slots.count, chance(8))
    emit(0)
    emitBlock(Int.random(in: 0...4, using: &generator))
    let otherwise = chance(2) ? slots.count : nil
    if otherwise != nil {
      emit(0)
      emitBlock(Int.random(in: 0...3, using: &generator))
    }
    let condition = randomCondition()
    slots[start] = RawInstruction(
      opcode: condition.opcode, destination: condition.destination, source: condition.source,
      offset: Int16((otherwise.map { $0 + 1 } ?? slots.count) - start - 1),
      immediate: condition.immediate)
    guard let otherwise else { return }
    let distance = slots.count - otherwise - 1
    slots[otherwise] =
      isWide
      ? RawInstruction(opcode: 0x06, immediate: Int32(distance))
      : RawInstruction(opcode: 0x05, offset: Int16(distance))
  }

  private mutating func randomCondition() -> RawInstruction {
    let kinds: [UInt8] = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]
    let kind = kinds.randomElement(using: &generator) ?? 0x10
    let type: UInt8 = chance(2) ? 5 : 6
    let target = register()
    if chance(2) {
      return RawInstruction(opcode: kind | type | 8, destination: target, source: register())
    }
    return RawInstruction(opcode: kind | type, destination: target, immediate: constant())
  }

  private mutating func emitLoop() {
    guard loops < 2, depth < 4 else { return emitArithmetic() }
    loops += 1
    let counter: Int16 = loops == 1 ? -16 : -24
    emit(0x7a, 10, 0, counter, Int32.random(in: 1...4, using: &generator))
    let top = slots.count
    emitBlock(Int.random(in: 1...4, using: &generator))
    let number = register()
    emit(0x79, number, 10, counter)
    emit(0x07, number, 0, 0, -1)
    emit(0x7b, 10, number, counter)
    emit(0x55, number, 0, Int16(top - slots.count - 1))
    loops -= 1
  }

  /// Calls a later function, so that there is no circle; what it leaves in r1 to r5 is not for the caller to read.
  private mutating func emitCall() {
    guard function < functions else { return emitArithmetic() }
    calls.append((slots.count, Int.random(in: function + 1...functions, using: &generator)))
    emit(0)
    for number in UInt8(1)...5 { emit(0x79, number, 10, word()) }
  }
}
