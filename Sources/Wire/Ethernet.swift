// SPDX-License-Identifier: Apache-2.0

/// Ethernet II (IEEE 802.3): two addresses and a type.
///
///      0           6           12    14
///     +-----------+-----------+-----+----
///     | destination  source   | type| ...
///     +-----------+-----------+-----+----
///
/// Source: `struct ethhdr`, `include/uapi/linux/if_ether.h`.
public enum Ethernet {
  /// Octets of a header.
  @inlinable public static var headerByteCount: Int { 14 }
  /// Octets of the shortest frame on a wire, without its check sequence.
  @inlinable public static var minimumFrameByteCount: Int { 60 }

  // Safe: whoever makes a view promises `headerByteCount` readable octets for as long as it lives.
  /// Reads the fields where they lie and judges nothing.
  @frozen @safe public struct View {
    @usableFromInline let octets: UnsafeRawPointer

    /// Views the octets at a pointer.
    @inlinable @unsafe public init(_ octets: UnsafeRawPointer) { unsafe self.octets = octets }

    /// The station the frame is for.
    @inlinable public var destination: MACAddress { unsafe MACAddress(octets) }
    /// The station the frame is from.
    @inlinable public var source: MACAddress { unsafe MACAddress(octets + 6) }
    /// What follows.
    @inlinable public var type: EtherType { unsafe EtherType(rawValue: octets.field(12)) }
  }

  /// The fields of a header, free of its octets.
  @frozen public struct Header: Hashable, Sendable {
    /// The station the frame is for.
    public var destination: MACAddress
    /// The station the frame is from.
    public var source: MACAddress
    /// What follows.
    public var type: EtherType

    /// Makes a header of its fields.
    @inlinable public init(destination: MACAddress, source: MACAddress, type: EtherType) {
      self.destination = destination
      self.source = source
      self.type = type
    }

    /// Copies the fields out of a view.
    @inlinable public init(_ view: View) {
      self.init(destination: view.destination, source: view.source, type: view.type)
    }

    /// Parses the header that opens the octets; nil if they are fewer than 14.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Header(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the header at a pointer; nil if there are fewer than 14 octets.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= Ethernet.headerByteCount else { return nil }
      unsafe self.init(View(octets))
    }

    /// Writes the 14 octets of the header.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      unsafe destination.write(to: octets)
      unsafe source.write(to: octets + 6)
      unsafe octets.setField(12, type.rawValue)
    }
  }
}
