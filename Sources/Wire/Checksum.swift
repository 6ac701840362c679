// SPDX-License-Identifier: Apache-2.0

/// The Internet checksum (RFC 1071), summed piece by piece.
///
/// A value of one thread. Pieces may have any length: after an odd number of octets the next piece
/// is summed with its octets swapped, so a frame can be summed buffer by buffer.
///
///     var checksum = Checksum()
///     checksum.add(header)
///     checksum.add(payload)
///     let field = checksum.value
///
/// Source: `csum_partial()` and `csum_fold()`, `lib/checksum.c`.
@frozen public struct Checksum: Sendable {
  // The sum is kept as the processor reads the octets, not as the wire numbers them: in
  // one's-complement arithmetic that only swaps the result (RFC 1071, section 2 (B)).
  @usableFromInline var sum: UInt64
  @usableFromInline var isOdd: Bool

  /// Makes the sum of nothing.
  @inlinable public init() {
    sum = 0
    isOdd = false
  }

  /// Adds a piece of the octets.
  @inlinable public mutating func add(_ octets: RawSpan) {
    unsafe octets.withUnsafeBytes { unsafe add($0.start, byteCount: $0.count) }
  }

  /// Adds the piece at a pointer.
  @inlinable @unsafe public mutating func add(_ octets: UnsafeRawPointer, byteCount: Int) {
    var folded = UInt64(unsafe Checksum.sum(octets, byteCount: byteCount))
    if isOdd { folded = (folded >> 8) | (folded & 0xff) << 8 }
    sum &+= folded
    isOdd = isOdd != (byteCount & 1 != 0)
  }

  /// Adds a 16-bit field; an even number of octets must stand before it.
  @inlinable public mutating func add(_ field: UInt16) { sum &+= UInt64(field.bigEndian) }

  /// Adds a 32-bit field; an even number of octets must stand before it.
  @inlinable public mutating func add(_ field: UInt32) {
    let word = field.bigEndian
    sum &+= UInt64(word & 0xffff) &+ UInt64(word >> 16)
  }

  /// Adds a 64-bit field; an even number of octets must stand before it.
  @inlinable public mutating func add(_ field: UInt64) {
    add(UInt32(truncatingIfNeeded: field >> 32))
    add(UInt32(truncatingIfNeeded: field))
  }

  /// The sum, not complemented: what a sender with checksum offload leaves in the field.
  @inlinable public var partial: UInt16 { UInt16(bigEndian: Checksum.fold(sum)) }

  /// The value for the checksum field.
  ///
  /// Over octets that hold a right checksum it is 0.
  @inlinable public var value: UInt16 { ~partial }

  /// The value for the checksum field of UDP, where 0 would say that there is none (RFC 768).
  @inlinable public var valueForUDP: UInt16 { value == 0 ? 0xffff : value }

  /// Folds carries until 16 bits are left.
  @inlinable static func fold(_ sum: UInt64) -> UInt16 {
    var sum = (sum & 0xffff_ffff) &+ (sum >> 32)
    sum = (sum & 0xffff) &+ (sum >> 16 & 0xffff) &+ (sum >> 32)
    sum = (sum & 0xffff) &+ (sum >> 16)
    sum = (sum & 0xffff) &+ (sum >> 16)
    return UInt16(truncatingIfNeeded: sum)
  }
}

extension Checksum {
  /// The checksum of a header or message that stands alone; 0 if it holds a right one.
  @inlinable public static func of(_ octets: RawSpan) -> UInt16 {
    var checksum = Checksum()
    checksum.add(octets)
    return checksum.value
  }

  /// The checksum of the octets at a pointer, as `of(_:)`.
  @inlinable @unsafe public static func of(_ octets: UnsafeRawPointer, byteCount: Int) -> UInt16 {
    var checksum = Checksum()
    unsafe checksum.add(octets, byteCount: byteCount)
    return checksum.value
  }

  /// The folded sum of the octets as the processor reads them.
  ///
  /// Two accumulators take 32-bit halves, so no carry is lost below 16 GiB and no addition waits
  /// for a carry.
  @inlinable static func sum(_ octets: UnsafeRawPointer, byteCount: Int) -> UInt16 {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var offset = 0
    while offset &+ 8 <= byteCount {
      let word = unsafe (octets + offset).loadUnaligned(as: UInt64.self)
      low &+= word & 0xffff_ffff
      high &+= word >> 32
      offset &+= 8
    }
    var sum = low &+ high
    if offset &+ 4 <= byteCount {
      sum &+= UInt64(unsafe (octets + offset).loadUnaligned(as: UInt32.self))
      offset &+= 4
    }
    if offset &+ 2 <= byteCount {
      sum &+= UInt64(unsafe (octets + offset).loadUnaligned(as: UInt16.self))
      offset &+= 2
    }
    if offset < byteCount {
      // The missing octet counts as zero behind the last one, whichever end that is here.
      let last = UInt16(unsafe (octets + offset).load(as: UInt8.self))
      sum &+= UInt64(UInt16(littleEndian: last))
    }
    return fold(sum)
  }
}
