// SPDX-License-Identifier: Apache-2.0

/// A VLAN tag (IEEE 802.1Q, 802.1ad): it stands where the EtherType was, and ends with the next one.
///
///      0     2     4     6
///     +-----+-----+-----+----        TCI: priority 3 bits, drop eligible 1, identifier 12
///     | TPID| TCI | type| ...
///     +-----+-----+-----+----
///
/// Source: `struct vlan_hdr`, `include/linux/if_vlan.h`.
public enum VLAN {
  /// Octets that a tag adds to a frame.
  @inlinable public static var headerByteCount: Int { 4 }
  /// The most tags that this module looks behind.
  ///
  /// Source: `VLAN_MAX_DEPTH`, `include/linux/if_vlan.h`.
  @inlinable public static var maximumDepth: Int { 8 }

  /// The four octets of a tag: which kind it is, and its control information.
  @frozen public struct Tag: RawRepresentable, Hashable, Sendable {
    /// Kind and control information, as they stand on the wire.
    public let rawValue: UInt32

    /// Makes a tag of its four octets.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Makes a tag of its fields.
    ///
    /// - Parameters:
    ///   - identifier: The VLAN; its low 12 bits count.
    ///   - priority: The priority code point; its low 3 bits count.
    ///   - isDropEligible: Whether the frame may be dropped first.
    ///   - type: `EtherType.vlan`, or `EtherType.serviceVLAN` for the outer tag of QinQ.
    @inlinable public init(
      _ identifier: UInt16, priority: UInt8 = 0, isDropEligible: Bool = false,
      type: EtherType = .vlan
    ) {
      let control = UInt32(priority & 7) << 13 | UInt32(identifier & 0xfff)
      self.rawValue = UInt32(type.rawValue) << 16 | (isDropEligible ? 0x1000 : 0) | control
    }

    /// The kind of tag (TPID).
    @inlinable public var type: EtherType {
      EtherType(rawValue: UInt16(truncatingIfNeeded: rawValue >> 16))
    }
    /// The VLAN; 0 carries a priority only, 4095 is reserved.
    @inlinable public var identifier: UInt16 { UInt16(truncatingIfNeeded: rawValue) & 0xfff }
    /// The priority code point (PCP); 0...7.
    @inlinable public var priority: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 13) & 7 }
    /// Whether the frame may be dropped first (DEI).
    @inlinable public var isDropEligible: Bool { rawValue & 0x1000 != 0 }
  }

  /// A tag and the type behind it, free of their octets.
  @frozen public struct Header: Hashable, Sendable {
    /// The tag.
    public var tag: Tag
    /// What follows.
    public var type: EtherType

    /// Makes a header of its fields.
    @inlinable public init(tag: Tag, type: EtherType) {
      self.tag = tag
      self.type = type
    }

    /// Parses octets that open with a TPID, 12 octets into a frame; nil without a whole tag.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Header(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the tag at a pointer; nil if it is none, or fewer than 6 octets are left.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= 6 else { return nil }
      let tag = unsafe Tag(rawValue: octets.field(0))
      guard tag.type.isVLAN else { return nil }
      self.init(tag: tag, type: unsafe EtherType(rawValue: octets.field(4)))
    }
  }
}
