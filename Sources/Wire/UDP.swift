// SPDX-License-Identifier: Apache-2.0

/// UDP (RFC 768).
///
///      0     2     4     6     8
///     +-----+-----+-----+-----+----
///     |sourc|desti|lengt|check| ...
///     +-----+-----+-----+-----+----
///
/// Source: `struct udphdr`, `include/uapi/linux/udp.h`.
public enum UDP {
  /// Octets of a header.
  @inlinable public static var headerByteCount: Int { 8 }

  // Safe: whoever makes a view promises `headerByteCount` readable octets for as long as it lives.
  /// Reads the fields where they lie and judges nothing.
  @frozen @safe public struct View {
    @usableFromInline let octets: UnsafeRawPointer

    /// Views the octets at a pointer.
    @inlinable @unsafe public init(_ octets: UnsafeRawPointer) { unsafe self.octets = octets }

    /// The sender's port.
    @inlinable public var sourcePort: UInt16 { unsafe octets.field(0) }
    /// The receiver's port.
    @inlinable public var destinationPort: UInt16 { unsafe octets.field(2) }
    /// Octets of header and payload, as the header claims.
    @inlinable public var totalByteCount: Int { Int(unsafe octets.field(4) as UInt16) }
    /// The checksum; 0 over IPv4 says that there is none.
    @inlinable public var checksum: UInt16 { unsafe octets.field(6) }
  }

  /// The fields of a header, free of its octets.
  @frozen public struct Header: Hashable, Sendable {
    /// The sender's port.
    public var sourcePort: UInt16
    /// The receiver's port.
    public var destinationPort: UInt16
    /// Octets of header and payload; 8...65535.
    public var totalByteCount: Int
    /// The checksum; 0 over IPv4 says that there is none.
    public var checksum: UInt16

    /// Makes a header of its fields.
    @inlinable public init(
      sourcePort: UInt16, destinationPort: UInt16, totalByteCount: Int = 8, checksum: UInt16 = 0
    ) {
      self.sourcePort = sourcePort
      self.destinationPort = destinationPort
      self.totalByteCount = totalByteCount
      self.checksum = checksum
    }

    /// Parses the header that opens the octets; nil if it is cut short or claims fewer than 8.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Header(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the header at a pointer, as `init(parsing:)` does.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= UDP.headerByteCount else { return nil }
      let view = unsafe View(octets)
      guard view.totalByteCount >= UDP.headerByteCount else { return nil }
      self.init(
        sourcePort: view.sourcePort, destinationPort: view.destinationPort,
        totalByteCount: view.totalByteCount, checksum: view.checksum)
    }

    /// Writes the 8 octets of the header.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      unsafe octets.setField(0, sourcePort)
      unsafe octets.setField(2, destinationPort)
      unsafe octets.setField(4, UInt16(truncatingIfNeeded: totalByteCount))
      unsafe octets.setField(6, checksum)
    }
  }
}
