// SPDX-License-Identifier: Apache-2.0

/// IPv6 (RFC 8200).
///
///      0        4     6  7  8                24               40
///     +--------+-----+--+--+----------------+----------------+----
///     |6cc fffff payl|nh|hl|     source     |  destination   | ...
///     +--------+-----+--+--+----------------+----------------+----
///
/// Source: `struct ipv6hdr`, `include/uapi/linux/ipv6.h`.
public enum IPv6 {
  /// Octets of a header.
  @inlinable public static var headerByteCount: Int { 40 }

  // Safe: whoever makes a view promises `headerByteCount` readable octets for as long as it lives.
  /// Reads the fields where they lie and judges nothing.
  @frozen @safe public struct View {
    @usableFromInline let octets: UnsafeRawPointer

    /// Views the octets at a pointer.
    @inlinable @unsafe public init(_ octets: UnsafeRawPointer) { unsafe self.octets = octets }

    @inlinable var first: UInt32 { unsafe octets.field(0) }

    /// The version; 6 in a packet that means it.
    @inlinable public var version: UInt8 { UInt8(truncatingIfNeeded: first >> 28) }
    /// Differentiated services (RFC 2474) and congestion notification (RFC 3168).
    @inlinable public var trafficClass: UInt8 { UInt8(truncatingIfNeeded: first >> 20) }
    /// The source's mark for a flow (RFC 6437); 20 bits.
    @inlinable public var flowLabel: UInt32 { first & 0xfffff }
    /// Octets behind the header, extension headers included, as it claims; 0...65535.
    @inlinable public var payloadByteCount: Int { Int(unsafe octets.field(4) as UInt16) }
    /// What follows.
    @inlinable public var nextHeader: IPProtocol { unsafe IPProtocol(rawValue: octets.field(6)) }
    /// How many routers may still forward the packet.
    @inlinable public var hopLimit: UInt8 { unsafe octets.field(7) }
    /// Whom the packet is from.
    @inlinable public var source: IPv6Address { unsafe IPv6Address(octets + 8) }
    /// Whom the packet is for.
    @inlinable public var destination: IPv6Address { unsafe IPv6Address(octets + 24) }
  }

  /// The fields of a header, free of its octets.
  @frozen public struct Header: Hashable, Sendable {
    /// Differentiated services and congestion notification.
    public var trafficClass: UInt8 = 0
    /// The source's mark for a flow; 20 bits.
    public var flowLabel: UInt32 = 0
    /// Octets behind the header, extension headers included; 0...65535.
    public var payloadByteCount = 0
    /// What follows.
    public var nextHeader: IPProtocol
    /// How many routers may still forward the packet.
    public var hopLimit: UInt8 = 64
    /// Whom the packet is from.
    public var source: IPv6Address
    /// Whom the packet is for.
    public var destination: IPv6Address

    /// Makes the header of a packet without payload.
    @inlinable public init(
      source: IPv6Address, destination: IPv6Address, nextHeader: IPProtocol = .noNextHeader
    ) {
      self.source = source
      self.destination = destination
      self.nextHeader = nextHeader
    }

    /// Parses the header that opens the octets.
    ///
    /// - Returns: nil without a whole header of version 6. The payload may be cut short: compare
    ///   `payloadByteCount`.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Header(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the header at a pointer, as `init(parsing:)` does.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= IPv6.headerByteCount else { return nil }
      let view = unsafe View(octets)
      guard view.version == 6 else { return nil }
      self.init(source: view.source, destination: view.destination, nextHeader: view.nextHeader)
      trafficClass = view.trafficClass
      flowLabel = view.flowLabel
      payloadByteCount = view.payloadByteCount
      hopLimit = view.hopLimit
    }

    /// Writes the 40 octets of the header.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      let first = UInt32(6) << 28 | UInt32(trafficClass) << 20 | (flowLabel & 0xfffff)
      unsafe octets.setField(0, first)
      unsafe octets.setField(4, UInt16(truncatingIfNeeded: payloadByteCount))
      unsafe octets.setField(6, nextHeader.rawValue)
      unsafe octets.setField(7, hopLimit)
      unsafe source.write(to: octets + 8)
      unsafe destination.write(to: octets + 24)
    }
  }
}
