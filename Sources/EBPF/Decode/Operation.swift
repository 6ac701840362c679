// SPDX-License-Identifier: Apache-2.0

/// What an instruction does, all its variants told apart.
///
/// The raw value is the opcode octet where that alone says it, so that engines can take width, operand and
/// condition from its bits; the other variants have octets that RFC 9669 leaves free.
enum Operation: UInt8, Sendable {
  // Arithmetic: the opcode of RFC 9669, section 4.1.
  case add32Immediate = 0x04
  case add32Register = 0x0c
  case subtract32Immediate = 0x14
  case subtract32Register = 0x1c
  case multiply32Immediate = 0x24
  case multiply32Register = 0x2c
  case divide32Immediate = 0x34
  case divide32Register = 0x3c
  case or32Immediate = 0x44
  case or32Register = 0x4c
  case and32Immediate = 0x54
  case and32Register = 0x5c
  case shiftLeft32Immediate = 0x64
  case shiftLeft32Register = 0x6c
  case shiftRight32Immediate = 0x74
  case shiftRight32Register = 0x7c
  case modulo32Immediate = 0x94
  case modulo32Register = 0x9c
  case xor32Immediate = 0xa4
  case xor32Register = 0xac
  case move32Immediate = 0xb4
  case move32Register = 0xbc
  case shiftRightSigned32Immediate = 0xc4
  case shiftRightSigned32Register = 0xcc
  case negate32 = 0x84
  case add64Immediate = 0x07
  case add64Register = 0x0f
  case subtract64Immediate = 0x17
  case subtract64Register = 0x1f
  case multiply64Immediate = 0x27
  case multiply64Register = 0x2f
  case divide64Immediate = 0x37
  case divide64Register = 0x3f
  case or64Immediate = 0x47
  case or64Register = 0x4f
  case and64Immediate = 0x57
  case and64Register = 0x5f
  case shiftLeft64Immediate = 0x67
  case shiftLeft64Register = 0x6f
  case shiftRight64Immediate = 0x77
  case shiftRight64Register = 0x7f
  case modulo64Immediate = 0x97
  case modulo64Register = 0x9f
  case xor64Immediate = 0xa7
  case xor64Register = 0xaf
  case move64Immediate = 0xb7
  case move64Register = 0xbf
  case shiftRightSigned64Immediate = 0xc7
  case shiftRightSigned64Register = 0xcf
  case negate64 = 0x87

  // Arithmetic that RFC 9669 tells apart by the offset: octets that it leaves free.
  case divideSigned32Immediate = 0x01
  case divideSigned32Register = 0x02
  case divideSigned64Immediate = 0x03
  case divideSigned64Register = 0x08
  case moduloSigned32Immediate = 0x09
  case moduloSigned32Register = 0x0a
  case moduloSigned64Immediate = 0x0b
  case moduloSigned64Register = 0x0d
  case extend8To32 = 0x0e
  case extend16To32 = 0x10
  case extend8To64 = 0x11
  case extend16To64 = 0x12
  case extend32To64 = 0x13

  // Byte order, on a little-endian host.
  case truncate16 = 0x19
  case truncate32 = 0x1a
  case swap16 = 0x1b
  case swap32 = 0x21
  case swap64 = 0x22

  // Memory: the opcode of RFC 9669, section 5.
  case load8 = 0x71
  case load16 = 0x69
  case load32 = 0x61
  case load64 = 0x79
  case load8Signed = 0x91
  case load16Signed = 0x89
  case load32Signed = 0x81
  case store8Immediate = 0x72
  case store16Immediate = 0x6a
  case store32Immediate = 0x62
  case store64Immediate = 0x7a
  case store8 = 0x73
  case store16 = 0x6b
  case store32 = 0x63
  case store64 = 0x7b
  case atomic32 = 0xc3
  case atomic64 = 0xdb
  case loadConstant = 0x18
  /// The handle of a function of this program.
  case loadFunction = 0x23
  /// The second slot of a wide load, which nothing may jump to.
  case secondSlot = 0x00

  // Jumps: the opcode of RFC 9669, section 4.3.
  case jump = 0x05
  case jumpIfEqual32Immediate = 0x16
  case jumpIfEqual32Register = 0x1e
  case jumpIfAbove32Immediate = 0x26
  case jumpIfAbove32Register = 0x2e
  case jumpIfAboveOrEqual32Immediate = 0x36
  case jumpIfAboveOrEqual32Register = 0x3e
  case jumpIfAnySet32Immediate = 0x46
  case jumpIfAnySet32Register = 0x4e
  case jumpIfNotEqual32Immediate = 0x56
  case jumpIfNotEqual32Register = 0x5e
  case jumpIfGreater32Immediate = 0x66
  case jumpIfGreater32Register = 0x6e
  case jumpIfGreaterOrEqual32Immediate = 0x76
  case jumpIfGreaterOrEqual32Register = 0x7e
  case jumpIfBelow32Immediate = 0xa6
  case jumpIfBelow32Register = 0xae
  case jumpIfBelowOrEqual32Immediate = 0xb6
  case jumpIfBelowOrEqual32Register = 0xbe
  case jumpIfLess32Immediate = 0xc6
  case jumpIfLess32Register = 0xce
  case jumpIfLessOrEqual32Immediate = 0xd6
  case jumpIfLessOrEqual32Register = 0xde
  case jumpIfEqual64Immediate = 0x15
  case jumpIfEqual64Register = 0x1d
  case jumpIfAbove64Immediate = 0x25
  case jumpIfAbove64Register = 0x2d
  case jumpIfAboveOrEqual64Immediate = 0x35
  case jumpIfAboveOrEqual64Register = 0x3d
  case jumpIfAnySet64Immediate = 0x45
  case jumpIfAnySet64Register = 0x4d
  case jumpIfNotEqual64Immediate = 0x55
  case jumpIfNotEqual64Register = 0x5d
  case jumpIfGreater64Immediate = 0x65
  case jumpIfGreater64Register = 0x6d
  case jumpIfGreaterOrEqual64Immediate = 0x75
  case jumpIfGreaterOrEqual64Register = 0x7d
  case jumpIfBelow64Immediate = 0xa5
  case jumpIfBelow64Register = 0xad
  case jumpIfBelowOrEqual64Immediate = 0xb5
  case jumpIfBelowOrEqual64Register = 0xbd
  case jumpIfLess64Immediate = 0xc5
  case jumpIfLess64Register = 0xcd
  case jumpIfLessOrEqual64Immediate = 0xd5
  case jumpIfLessOrEqual64Register = 0xdd
  case callHelper = 0x85
  case callRegister = 0x8d
  case callLocal = 0x29
  case exit = 0x95
}
