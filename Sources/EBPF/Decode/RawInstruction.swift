// SPDX-License-Identifier: Apache-2.0

/// One 8-octet slot of a program as it is in an object file.
///
/// A wide load of 64 bits takes two slots. The word is little-endian: opcode, registers, offset, immediate.
///
/// Source: RFC 9669, section 3.
@frozen
public struct RawInstruction: Equatable, Hashable, Sendable {
  /// The eight octets.
  public var word: UInt64

  /// Takes the eight octets of a slot.
  @inlinable
  public init(word: UInt64) {
    self.word = word
  }

  /// Puts a slot together from its fields.
  ///
  /// - Parameters:
  ///   - opcode: The first octet.
  ///   - destination: A register, 0...15 as the field allows.
  ///   - source: A register, 0...15 as the field allows.
  ///   - offset: In slots for a jump, in octets for a memory access.
  ///   - immediate: The signed constant.
  @inlinable
  public init(
    opcode: UInt8, destination: UInt8 = 0, source: UInt8 = 0, offset: Int16 = 0,
    immediate: Int32 = 0
  ) {
    word =
      UInt64(opcode) | UInt64(destination & 15) << 8 | UInt64(source & 15) << 12
      | UInt64(UInt16(bitPattern: offset)) << 16 | UInt64(UInt32(bitPattern: immediate)) << 32
  }

  /// What to do.
  @inlinable public var opcode: UInt8 { UInt8(truncatingIfNeeded: word) }
  /// The register that is written.
  @inlinable public var destination: UInt8 { UInt8(truncatingIfNeeded: word >> 8) & 15 }
  /// The register that is read, or what kind of call or constant this is.
  @inlinable public var source: UInt8 { UInt8(truncatingIfNeeded: word >> 12) & 15 }
  /// In slots for a jump, in octets for a memory access.
  @inlinable public var offset: Int16 { Int16(truncatingIfNeeded: word >> 16) }
  /// The signed constant.
  @inlinable public var immediate: Int32 { Int32(truncatingIfNeeded: word >> 32) }

  /// Whether this is the first slot of a 64-bit constant.
  @inlinable public var isWideLoad: Bool { opcode == 0x18 }
}
