// SPDX-License-Identifier: Apache-2.0

import EBPF

// Single instructions with whatever they need around them.
extension RandomProgram {
  /// A constant: near a border half of the time.
  mutating func constant() -> Int32 {
    let borders: [Int32] = [
      0, 1, -1, 31, 32, 63, 64, 127, 128, 255, -128, .max, .min, 0x7fff, -0x8000,
    ]
    return chance(2)
      ? borders.randomElement(using: &generator) ?? 0
      : .random(in: .min ... .max, using: &generator)
  }

  mutating func emitConstant() {
    let value = UInt64.random(in: .min ... .max, using: &generator)
    emit(0x18, register(), 0, 0, Int32(truncatingIfNeeded: value))
    emit(0, 0, 0, 0, Int32(truncatingIfNeeded: value >> 32))
  }

  mutating func emitArithmetic() {
    let operations: [UInt8] = [
      0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0,
    ]
    let operation = operations.randomElement(using: &generator) ?? 0
    let is64 = chance(2)
    let (target, type): (UInt8, UInt8) = (register(), is64 ? 7 : 4)
    switch operation {
    case 0x80: emit(0x80 | type, target)
    case 0xd0:
      let widths: [Int32] = [16, 32, 64]
      emit(
        [0xd4, 0xdc, 0xd7].randomElement(using: &generator) ?? 0xd4, target, 0, 0,
        widths.randomElement(using: &generator) ?? 16)
    default:
      if chance(2) {
        emit(operation | type | 8, target, register(), offset(operation, is64, isMove: true))
      } else {
        emit(
          operation | type, target, 0, offset(operation, is64, isMove: false),
          operand(operation, is64))
      }
    }
  }

  /// What tells signed division and moves that extend a sign apart.
  private mutating func offset(_ operation: UInt8, _ is64: Bool, isMove: Bool) -> Int16 {
    switch operation {
    case 0x30, 0x90: chance(2) ? 1 : 0
    case 0xb0 where isMove && is64: [0, 8, 16, 32].randomElement(using: &generator) ?? 0
    case 0xb0 where isMove: [0, 8, 16].randomElement(using: &generator) ?? 0
    default: 0
    }
  }

  /// A constant that the verifier takes: no division by zero, no shift past the width.
  private mutating func operand(_ operation: UInt8, _ is64: Bool) -> Int32 {
    let value = constant()
    switch operation {
    case 0x30, 0x90: return value == 0 ? 3 : value
    case 0x60, 0x70, 0xc0: return value & (is64 ? 63 : 31)
    default: return value
    }
  }

  private static let loads: [(opcode: UInt8, byteCount: Int16)] = [
    (0x71, 1), (0x69, 2), (0x61, 4), (0x79, 8), (0x91, 1), (0x89, 2), (0x81, 4),
  ]
  private static let stores: [(opcode: UInt8, byteCount: Int16)] = [
    (0x73, 1), (0x6b, 2), (0x63, 4), (0x7b, 8), (0x72, 1), (0x6a, 2), (0x62, 4), (0x7a, 8),
  ]

  /// An access of one of the words, through r10 or through a copy of it, aligned to its width.
  mutating func emitStackAccess() {
    let isLoad = chance(2)
    let access = (isLoad ? Self.loads : Self.stores).randomElement(using: &generator) ?? (0x79, 8)
    let place =
      (isLoad ? word() : plainWord()) + access.byteCount
      * Int16.random(in: 0..<8 / access.byteCount, using: &generator)
    guard chance(3) else { return emitAccess(isLoad, access.opcode, 10, register(), place) }
    let pointer = register()
    let part = Int16.random(in: -256...256, using: &generator)
    emit(0xbf, pointer, 10)
    emit(0x07, pointer, 0, 0, Int32(place - part))
    emitAccess(isLoad, access.opcode, pointer, register(except: pointer), part)
    emit(0x79, pointer, 10, word())
  }

  /// An access of the packet behind what the program writes at its end, aligned or not.
  mutating func emitPacketAccess() {
    guard hasPacket else { return emitStackAccess() }
    let isLoad = chance(2)
    let access = (isLoad ? Self.loads : Self.stores).randomElement(using: &generator) ?? (0x79, 8)
    let pointer = register()
    let value = isLoad && chance(4) ? pointer : register(except: pointer)
    let last = Int16(Self.packetByteCount) - access.byteCount
    emit(0x79, pointer, 10, -8)
    emitAccess(
      isLoad, access.opcode, pointer, value, .random(in: 208...last, using: &generator))
    if value != pointer { emit(0x79, pointer, 10, word()) }
  }

  private mutating func emitAccess(
    _ isLoad: Bool, _ opcode: UInt8, _ pointer: UInt8, _ value: UInt8, _ offset: Int16
  ) {
    if isLoad {
      emit(opcode, value, pointer, offset)
    } else if opcode & 7 == 3 {
      emit(opcode, pointer, value, offset)
    } else {
      emit(opcode, pointer, 0, offset, constant())
    }
  }

  /// An atomic access of one of the words.
  mutating func emitAtomic() {
    let operations: [Int32] = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1]
    let operation = operations.randomElement(using: &generator) ?? 0
    let isWide = chance(2)
    let opcode: UInt8 = isWide ? 0xdb : 0xc3
    let place = atomicWord() + (isWide || chance(2) ? 0 : 4)
    if chance(3) {
      // An exchange that compares answers in r0, which therefore cannot hold the address.
      let pointer = UInt8.random(in: 1...9, using: &generator)
      emit(0xbf, pointer, 10)
      emit(opcode, pointer, register(except: pointer), place, operation)
      emit(0x79, pointer, 10, word())
    } else {
      emit(opcode, 10, register(), place, operation)
    }
    // The answer has 32 bits, says RFC 9669. The kernel (6.18, x86-64) may keep the upper ones of r0 where it succeeds.
    if operation == 0xf1 && !isWide { emit(0xbc, 0, 0) }
  }
}
