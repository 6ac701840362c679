// SPDX-License-Identifier: Apache-2.0

/// Arithmetic as RFC 9669, section 4.1 defines it where processors trap or disagree.
enum Arithmetic {
  /// Division by zero is zero.
  @inline(__always)
  static func divide<Word: FixedWidthInteger & UnsignedInteger>(_ a: Word, _ b: Word) -> Word {
    b == 0 ? 0 : a / b
  }

  /// The remainder of a division by zero is the dividend.
  @inline(__always)
  static func modulo<Word: FixedWidthInteger & UnsignedInteger>(_ a: Word, _ b: Word) -> Word {
    b == 0 ? a : a % b
  }

  /// The least number divided by -1 is itself.
  @inline(__always)
  static func divideSigned(_ a: UInt64, _ b: UInt64) -> UInt64 {
    if b == 0 { return 0 }
    return b == ~0 ? 0 &- a : UInt64(bitPattern: Int64(bitPattern: a) / Int64(bitPattern: b))
  }

  /// The least number divided by -1 is itself.
  @inline(__always)
  static func divideSigned(_ a: UInt32, _ b: UInt32) -> UInt32 {
    if b == 0 { return 0 }
    return b == ~0 ? 0 &- a : UInt32(bitPattern: Int32(bitPattern: a) / Int32(bitPattern: b))
  }

  /// Of a division by -1 nothing remains.
  @inline(__always)
  static func moduloSigned(_ a: UInt64, _ b: UInt64) -> UInt64 {
    if b == 0 { return a }
    return b == ~0 ? 0 : UInt64(bitPattern: Int64(bitPattern: a) % Int64(bitPattern: b))
  }

  /// Of a division by -1 nothing remains.
  @inline(__always)
  static func moduloSigned(_ a: UInt32, _ b: UInt32) -> UInt32 {
    if b == 0 { return a }
    return b == ~0 ? 0 : UInt32(bitPattern: Int32(bitPattern: a) % Int32(bitPattern: b))
  }

  /// Shifts in the sign; the distance is taken modulo the width.
  @inline(__always)
  static func shiftRightSigned(_ a: UInt64, _ b: UInt64) -> UInt64 {
    UInt64(bitPattern: Int64(bitPattern: a) &>> Int64(bitPattern: b))
  }

  /// Shifts in the sign; the distance is taken modulo the width.
  @inline(__always)
  static func shiftRightSigned(_ a: UInt32, _ b: UInt32) -> UInt32 {
    UInt32(bitPattern: Int32(bitPattern: a) &>> Int32(bitPattern: b))
  }
}
