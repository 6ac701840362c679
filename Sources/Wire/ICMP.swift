// SPDX-License-Identifier: Apache-2.0

/// ICMP (RFC 792).
///
///      0  1  2     4        8
///     +--+--+-----+--------+----
///     |ty|co|check| rest   | ...      rest of an echo: identifier, sequence number
///     +--+--+-----+--------+----
///
/// Source: `struct icmphdr`, `include/uapi/linux/icmp.h`.
public enum ICMP {
  /// Octets of a header.
  @inlinable public static var headerByteCount: Int { 8 }

  /// What the message says.
  @frozen public struct Kind: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt8

    /// Makes a kind of its number.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The answer to an echo request.
    @inlinable public static var echoReply: Kind { Kind(rawValue: 0) }
    /// A packet did not get there.
    @inlinable public static var unreachable: Kind { Kind(rawValue: 3) }
    /// Send it back.
    @inlinable public static var echoRequest: Kind { Kind(rawValue: 8) }
    /// The time to live ran out.
    @inlinable public static var timeExceeded: Kind { Kind(rawValue: 11) }
  }

  // Safe: whoever makes a view promises `headerByteCount` readable octets for as long as it lives.
  /// Reads the fields where they lie and judges nothing.
  @frozen @safe public struct View {
    @usableFromInline let octets: UnsafeRawPointer

    /// Views the octets at a pointer.
    @inlinable @unsafe public init(_ octets: UnsafeRawPointer) { unsafe self.octets = octets }

    /// What the message says.
    @inlinable public var kind: Kind { unsafe Kind(rawValue: octets.field(0)) }
    /// What it says more precisely.
    @inlinable public var code: UInt8 { unsafe octets.field(1) }
    /// The checksum.
    @inlinable public var checksum: UInt16 { unsafe octets.field(2) }
    /// Four octets whose meaning depends on the kind.
    @inlinable public var rest: UInt32 { unsafe octets.field(4) }
    /// Of an echo: which sequence it belongs to.
    @inlinable public var identifier: UInt16 { unsafe octets.field(4) }
    /// Of an echo: its place in the sequence.
    @inlinable public var sequenceNumber: UInt16 { unsafe octets.field(6) }
  }

  /// The fields of a header, free of its octets.
  @frozen public struct Header: Hashable, Sendable {
    /// What the message says.
    public var kind: Kind
    /// What it says more precisely.
    public var code: UInt8
    /// The checksum.
    public var checksum: UInt16 = 0
    /// Four octets whose meaning depends on the kind.
    public var rest: UInt32

    /// Makes a header of its fields.
    @inlinable public init(_ kind: Kind, code: UInt8 = 0, rest: UInt32 = 0) {
      self.kind = kind
      self.code = code
      self.rest = rest
    }

    /// Makes the header of an echo request or reply.
    @inlinable public init(_ kind: Kind, identifier: UInt16, sequenceNumber: UInt16) {
      self.init(kind, rest: UInt32(identifier) << 16 | UInt32(sequenceNumber))
    }

    /// Of an echo: which sequence it belongs to.
    @inlinable public var identifier: UInt16 { UInt16(truncatingIfNeeded: rest >> 16) }
    /// Of an echo: its place in the sequence.
    @inlinable public var sequenceNumber: UInt16 { UInt16(truncatingIfNeeded: rest) }

    /// Parses the header that opens the octets; nil if there are fewer than 8.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Header(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the header at a pointer; nil if there are fewer than 8 octets.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= ICMP.headerByteCount else { return nil }
      let view = unsafe View(octets)
      self.init(view.kind, code: view.code, rest: view.rest)
      checksum = view.checksum
    }

    /// Writes the 8 octets of the header.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      unsafe octets.setField(0, kind.rawValue)
      unsafe octets.setField(1, code)
      unsafe octets.setField(2, checksum)
      unsafe octets.setField(4, rest)
    }
  }
}
