// SPDX-License-Identifier: Apache-2.0

extension IPv6 {
  /// The most extension headers that this module steps over.
  ///
  /// Source: `MAX_FLOW_DISSECT_HDRS`, `net/core/flow_dissector.c`.
  @inlinable public static var maximumExtensions: Int { 15 }

  /// An extension header: which header follows, and where.
  @frozen public struct Extension: Hashable, Sendable {
    /// The kind of this header; the header before says it.
    public var kind: IPProtocol
    /// What follows.
    public var nextHeader: IPProtocol
    /// Octets of this header; at least 8 and at most 2048.
    public var byteCount: Int

    /// Parses an extension header.
    ///
    /// - Returns: nil if the kind is none that can be stepped over, or the header is cut short.
    @inlinable public init?(_ kind: IPProtocol, parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Extension(kind, parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the extension header at a pointer, as `init(_:parsing:)` does.
    ///
    /// Source: `ipv6_skip_exthdr()`, `net/ipv6/exthdrs_core.c`.
    @inlinable @unsafe public init?(
      _ kind: IPProtocol, parsing octets: UnsafeRawPointer, byteCount: Int
    ) {
      guard kind.isExtension, byteCount >= 8 else { return nil }
      self.kind = kind
      self.nextHeader = unsafe IPProtocol(rawValue: octets.field(0))
      let units = Int(unsafe octets.field(1) as UInt8)
      self.byteCount =
        switch kind {
        case .fragment: 8
        case .ah: (units &+ 2) &* 4
        default: (units &+ 1) &* 8
        }
      guard self.byteCount >= 8, self.byteCount <= byteCount else { return nil }
    }
  }

  /// A fragment header (RFC 8200, section 4.5).
  @frozen public struct Fragment: Hashable, Sendable {
    /// Octets of the header.
    @inlinable public static var headerByteCount: Int { 8 }

    /// What follows in the first fragment; the others' value is not to be relied on.
    public var nextHeader: IPProtocol
    /// Where the payload stands in its packet, in octets; a multiple of 8 in 0...65528.
    public var offset: Int
    /// Whether fragments of the same packet follow.
    public var hasMoreFragments: Bool
    /// What the fragments of a packet have in common.
    public var identification: UInt32

    /// Makes a header of its fields.
    @inlinable public init(
      nextHeader: IPProtocol, offset: Int, hasMoreFragments: Bool, identification: UInt32
    ) {
      self.nextHeader = nextHeader
      self.offset = offset
      self.hasMoreFragments = hasMoreFragments
      self.identification = identification
    }

    /// Whether the packet is whole in spite of the header (RFC 6946).
    @inlinable public var isAtomic: Bool { offset == 0 && !hasMoreFragments }

    /// Parses a fragment header; nil if there are fewer than 8 octets.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Fragment(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the fragment header at a pointer; nil if there are fewer than 8 octets.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= Fragment.headerByteCount else { return nil }
      let offset: UInt16 = unsafe octets.field(2)
      self.init(
        nextHeader: unsafe IPProtocol(rawValue: octets.field(0)), offset: Int(offset & 0xfff8),
        hasMoreFragments: offset & 1 != 0, identification: unsafe octets.field(4))
    }

    /// Writes the 8 octets of the header.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      unsafe octets.setField(0, UInt16(nextHeader.rawValue) << 8)
      let offset = UInt16(truncatingIfNeeded: self.offset) & 0xfff8
      unsafe octets.setField(2, offset | (hasMoreFragments ? 1 : 0))
      unsafe octets.setField(4, identification)
    }
  }
}
