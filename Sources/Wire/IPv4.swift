// SPDX-License-Identifier: Apache-2.0

/// IPv4 (RFC 791).
///
///      0  1  2     4     6     8  9  10    12       16       20         up to 60
///     +--+--+-----+-----+-----+--+--+-----+--------+--------+---------+----
///     |45|ds|total| id  |fragm|tl|pr|check| source | destin.| options | ...
///     +--+--+-----+-----+-----+--+--+-----+--------+--------+---------+----
///
/// Source: `struct iphdr`, `include/uapi/linux/ip.h`.
public enum IPv4 {
  /// Octets of a header without options.
  @inlinable public static var headerByteCount: Int { 20 }
  /// Octets of a header with all the options it can hold.
  @inlinable public static var maximumHeaderByteCount: Int { 60 }

  // Safe: whoever makes a view promises `headerByteCount` readable octets for as long as it lives.
  /// Reads the fields where they lie and judges nothing.
  @frozen @safe public struct View {
    @usableFromInline let octets: UnsafeRawPointer

    /// Views the octets at a pointer.
    @inlinable @unsafe public init(_ octets: UnsafeRawPointer) { unsafe self.octets = octets }

    @inlinable var first: UInt8 { unsafe octets.field(0) }
    @inlinable var fragment: UInt16 { unsafe octets.field(6) }

    /// The version; 4 in a packet that means it.
    @inlinable public var version: UInt8 { first >> 4 }
    /// Octets of the header with its options, as it claims; 0...60.
    @inlinable public var headerByteCount: Int { Int(first & 15) &* 4 }
    /// Differentiated services (RFC 2474) and congestion notification (RFC 3168).
    @inlinable public var typeOfService: UInt8 { unsafe octets.field(1) }
    /// Octets of header and payload, as the header claims; 0...65535.
    @inlinable public var totalByteCount: Int { Int(unsafe octets.field(2) as UInt16) }
    /// What the fragments of a datagram have in common.
    @inlinable public var identification: UInt16 { unsafe octets.field(4) }
    /// Whether routers may not split the packet.
    @inlinable public var isUnsplittable: Bool { fragment & 0x4000 != 0 }
    /// Whether fragments of the same datagram follow.
    @inlinable public var hasMoreFragments: Bool { fragment & 0x2000 != 0 }
    /// Where the payload stands in its datagram, in octets; 0...65528.
    @inlinable public var fragmentOffset: Int { Int(fragment & 0x1fff) &* 8 }
    /// Whether the packet is a part of a datagram.
    @inlinable public var isFragment: Bool { fragment & 0x3fff != 0 }
    /// How many routers may still forward the packet.
    @inlinable public var timeToLive: UInt8 { unsafe octets.field(8) }
    /// What follows.
    @inlinable public var nextProtocol: IPProtocol { unsafe IPProtocol(rawValue: octets.field(9)) }
    /// The checksum of the header.
    @inlinable public var checksum: UInt16 { unsafe octets.field(10) }
    /// Whom the packet is from.
    @inlinable public var source: IPv4Address { unsafe IPv4Address(rawValue: octets.field(12)) }
    /// Whom the packet is for.
    @inlinable public var destination: IPv4Address {
      unsafe IPv4Address(rawValue: octets.field(16))
    }
  }

  /// The fields of a header, free of its octets.
  @frozen public struct Header: Hashable, Sendable {
    /// Octets of the header with its options; a multiple of 4 in 20...60.
    public var headerByteCount = 20
    /// Octets of header and payload; no less than the header's, at most 65535.
    public var totalByteCount = 20
    /// Differentiated services and congestion notification.
    public var typeOfService: UInt8 = 0
    /// What the fragments of a datagram have in common.
    public var identification: UInt16 = 0
    /// Whether routers may not split the packet.
    public var isUnsplittable = false
    /// Whether fragments of the same datagram follow.
    public var hasMoreFragments = false
    /// Where the payload stands in its datagram, in octets; a multiple of 8 in 0...65528.
    public var fragmentOffset = 0
    /// How many routers may still forward the packet.
    public var timeToLive: UInt8 = 64
    /// What follows.
    public var nextProtocol: IPProtocol
    /// The checksum of the header.
    public var checksum: UInt16 = 0
    /// Whom the packet is from.
    public var source: IPv4Address
    /// Whom the packet is for.
    public var destination: IPv4Address

    /// Makes the header of a whole packet without options or payload.
    @inlinable public init(
      source: IPv4Address, destination: IPv4Address, nextProtocol: IPProtocol = .noNextHeader
    ) {
      self.source = source
      self.destination = destination
      self.nextProtocol = nextProtocol
    }

    /// Parses the header that opens the octets.
    ///
    /// - Returns: nil without a whole header of version 4 that claims a possible length. The payload
    ///   may be cut short: compare `totalByteCount`. The checksum is not compared.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Header(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the header at a pointer, as `init(parsing:)` does.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= IPv4.headerByteCount else { return nil }
      let view = unsafe View(octets)
      guard
        view.version == 4, view.headerByteCount >= IPv4.headerByteCount,
        view.headerByteCount <= byteCount, view.headerByteCount <= view.totalByteCount
      else { return nil }
      self.init(
        source: view.source, destination: view.destination, nextProtocol: view.nextProtocol)
      headerByteCount = view.headerByteCount
      totalByteCount = view.totalByteCount
      typeOfService = view.typeOfService
      identification = view.identification
      isUnsplittable = view.isUnsplittable
      hasMoreFragments = view.hasMoreFragments
      fragmentOffset = view.fragmentOffset
      timeToLive = view.timeToLive
      checksum = view.checksum
    }

    /// Writes the first 20 octets of the header; options are the caller's.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      unsafe octets.setField(0, UInt8(truncatingIfNeeded: 0x40 | (headerByteCount / 4 & 15)))
      unsafe octets.setField(1, typeOfService)
      unsafe octets.setField(2, UInt16(truncatingIfNeeded: totalByteCount))
      unsafe octets.setField(4, identification)
      let offset = UInt16(truncatingIfNeeded: fragmentOffset / 8) & 0x1fff
      let flags: UInt16 = (isUnsplittable ? 0x4000 : 0) | (hasMoreFragments ? 0x2000 : 0)
      unsafe octets.setField(6, flags | offset)
      unsafe octets.setField(8, timeToLive)
      unsafe octets.setField(9, nextProtocol.rawValue)
      unsafe octets.setField(10, checksum)
      unsafe octets.setField(12, source.rawValue)
      unsafe octets.setField(16, destination.rawValue)
    }
  }
}
