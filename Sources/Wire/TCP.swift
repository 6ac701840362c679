// SPDX-License-Identifier: Apache-2.0

/// TCP (RFC 9293).
///
///      0     2     4        8        12 13 14    16    18    20        up to 60
///     +-----+-----+--------+--------+--+--+-----+-----+-----+---------+----
///     |sourc|desti|sequence|acknowl.|of|fl|windw|check|urgnt| options | ...
///     +-----+-----+--------+--------+--+--+-----+-----+-----+---------+----
///
/// Source: `struct tcphdr`, `include/uapi/linux/tcp.h`.
public enum TCP {
  /// Octets of a header without options.
  @inlinable public static var headerByteCount: Int { 20 }
  /// Octets of a header with all the options it can hold.
  @inlinable public static var maximumHeaderByteCount: Int { 60 }

  /// The control bits.
  @frozen public struct Flags: OptionSet, Hashable, Sendable {
    /// The bits on the wire.
    public let rawValue: UInt8

    /// Makes a set of its bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// No more data from the sender.
    @inlinable public static var fin: Flags { Flags(rawValue: 0x01) }
    /// Synchronize sequence numbers.
    @inlinable public static var syn: Flags { Flags(rawValue: 0x02) }
    /// Reset the connection.
    @inlinable public static var rst: Flags { Flags(rawValue: 0x04) }
    /// Push.
    @inlinable public static var psh: Flags { Flags(rawValue: 0x08) }
    /// The acknowledgement number counts.
    @inlinable public static var ack: Flags { Flags(rawValue: 0x10) }
    /// The urgent pointer counts.
    @inlinable public static var urg: Flags { Flags(rawValue: 0x20) }
    /// Congestion was echoed (RFC 3168).
    @inlinable public static var ece: Flags { Flags(rawValue: 0x40) }
    /// The congestion window was reduced (RFC 3168).
    @inlinable public static var cwr: Flags { Flags(rawValue: 0x80) }
  }

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
    /// The number of the first octet of payload, or of SYN.
    @inlinable public var sequenceNumber: UInt32 { unsafe octets.field(4) }
    /// The number of the next octet that the sender expects.
    @inlinable public var acknowledgementNumber: UInt32 { unsafe octets.field(8) }
    /// Octets of the header with its options, as it claims; 0...60.
    @inlinable public var headerByteCount: Int {
      Int((unsafe octets.field(12) as UInt8) >> 4) &* 4
    }
    /// The control bits.
    @inlinable public var flags: Flags { unsafe Flags(rawValue: octets.field(13)) }
    /// How many octets more the sender takes, before scaling.
    @inlinable public var window: UInt16 { unsafe octets.field(14) }
    /// The checksum.
    @inlinable public var checksum: UInt16 { unsafe octets.field(16) }
    /// Where urgent data ends.
    @inlinable public var urgentPointer: UInt16 { unsafe octets.field(18) }
  }

  /// The fields of a header, free of its octets.
  @frozen public struct Header: Hashable, Sendable {
    /// The sender's port.
    public var sourcePort: UInt16
    /// The receiver's port.
    public var destinationPort: UInt16
    /// The number of the first octet of payload, or of SYN.
    public var sequenceNumber: UInt32 = 0
    /// The number of the next octet that the sender expects.
    public var acknowledgementNumber: UInt32 = 0
    /// Octets of the header with its options; a multiple of 4 in 20...60.
    public var headerByteCount = 20
    /// The control bits.
    public var flags: Flags
    /// How many octets more the sender takes, before scaling.
    public var window: UInt16 = 65535
    /// The checksum.
    public var checksum: UInt16 = 0
    /// Where urgent data ends.
    public var urgentPointer: UInt16 = 0

    /// Makes a header without options.
    @inlinable public init(sourcePort: UInt16, destinationPort: UInt16, flags: Flags = .ack) {
      self.sourcePort = sourcePort
      self.destinationPort = destinationPort
      self.flags = flags
    }

    /// Parses the header that opens the octets; nil if it is cut short or claims fewer than 20.
    @inlinable public init?(parsing octets: RawSpan) {
      let header = unsafe octets.withUnsafeBytes {
        unsafe Header(parsing: $0.start, byteCount: $0.count)
      }
      guard let header else { return nil }
      self = header
    }

    /// Parses the header at a pointer, as `init(parsing:)` does.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= TCP.headerByteCount else { return nil }
      let view = unsafe View(octets)
      guard
        view.headerByteCount >= TCP.headerByteCount, view.headerByteCount <= byteCount
      else { return nil }
      self.init(
        sourcePort: view.sourcePort, destinationPort: view.destinationPort, flags: view.flags)
      sequenceNumber = view.sequenceNumber
      acknowledgementNumber = view.acknowledgementNumber
      headerByteCount = view.headerByteCount
      window = view.window
      checksum = view.checksum
      urgentPointer = view.urgentPointer
    }

    /// Writes the first 20 octets of the header; options are the caller's.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      unsafe octets.setField(0, sourcePort)
      unsafe octets.setField(2, destinationPort)
      unsafe octets.setField(4, sequenceNumber)
      unsafe octets.setField(8, acknowledgementNumber)
      unsafe octets.setField(12, UInt8(truncatingIfNeeded: headerByteCount / 4) << 4)
      unsafe octets.setField(13, flags.rawValue)
      unsafe octets.setField(14, window)
      unsafe octets.setField(16, checksum)
      unsafe octets.setField(18, urgentPointer)
    }
  }
}
