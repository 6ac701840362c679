// SPDX-License-Identifier: Apache-2.0

/// Address resolution for IPv4 over Ethernet (RFC 826).
///
///      0     2     4  5  6     8           14       18          24       28
///     +-----+-----+--+--+-----+-----------+--------+-----------+--------+
///     |  1  | 0800| 6| 4| oper| sender MAC| sender | target MAC| target |
///     +-----+-----+--+--+-----+-----------+--------+-----------+--------+
///
/// Source: `struct arphdr`, `include/uapi/linux/if_arp.h`.
public enum ARP {
  /// Octets of a packet.
  @inlinable public static var packetByteCount: Int { 28 }

  /// What the sender wants.
  @frozen public struct Operation: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Makes an operation of its number.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A question: who has the target address.
    @inlinable public static var request: Operation { Operation(rawValue: 1) }
    /// The sender has it.
    @inlinable public static var reply: Operation { Operation(rawValue: 2) }
  }

  // Safe: whoever makes a view promises `packetByteCount` readable octets for as long as it lives.
  /// Reads the fields where they lie and judges nothing.
  @frozen @safe public struct View {
    @usableFromInline let octets: UnsafeRawPointer

    /// Views the octets at a pointer.
    @inlinable @unsafe public init(_ octets: UnsafeRawPointer) { unsafe self.octets = octets }

    /// The kind of link; 1 is Ethernet.
    @inlinable public var hardwareType: UInt16 { unsafe octets.field(0) }
    /// The kind of network address.
    @inlinable public var protocolType: EtherType { unsafe EtherType(rawValue: octets.field(2)) }
    /// Octets of a link address.
    @inlinable public var hardwareByteCount: UInt8 { unsafe octets.field(4) }
    /// Octets of a network address.
    @inlinable public var protocolByteCount: UInt8 { unsafe octets.field(5) }
    /// What the sender wants.
    @inlinable public var operation: Operation { unsafe Operation(rawValue: octets.field(6)) }
    /// The sender's link address.
    @inlinable public var senderMAC: MACAddress { unsafe MACAddress(octets + 8) }
    /// The sender's network address.
    @inlinable public var sender: IPv4Address { unsafe IPv4Address(rawValue: octets.field(14)) }
    /// The target's link address.
    @inlinable public var targetMAC: MACAddress { unsafe MACAddress(octets + 18) }
    /// The target's network address.
    @inlinable public var target: IPv4Address { unsafe IPv4Address(rawValue: octets.field(24)) }
  }

  /// The fields of a packet, free of its octets.
  @frozen public struct Packet: Hashable, Sendable {
    /// What the sender wants.
    public var operation: Operation
    /// The sender's link address.
    public var senderMAC: MACAddress
    /// The sender's network address.
    public var sender: IPv4Address
    /// The target's link address; of no meaning in a request.
    public var targetMAC: MACAddress
    /// The target's network address.
    public var target: IPv4Address

    /// Makes a packet of its fields.
    @inlinable public init(
      operation: Operation, senderMAC: MACAddress, sender: IPv4Address,
      targetMAC: MACAddress, target: IPv4Address
    ) {
      self.operation = operation
      self.senderMAC = senderMAC
      self.sender = sender
      self.targetMAC = targetMAC
      self.target = target
    }

    /// Parses a packet; nil if it is cut short, or not about IPv4 over Ethernet.
    @inlinable public init?(parsing octets: RawSpan) {
      let packet = unsafe octets.withUnsafeBytes {
        unsafe Packet(parsing: $0.start, byteCount: $0.count)
      }
      guard let packet else { return nil }
      self = packet
    }

    /// Parses the packet at a pointer; nil if it is cut short, or not about IPv4 over Ethernet.
    @inlinable @unsafe public init?(parsing octets: UnsafeRawPointer, byteCount: Int) {
      guard byteCount >= ARP.packetByteCount else { return nil }
      let view = unsafe View(octets)
      guard
        view.hardwareType == 1, view.protocolType == .ipv4,
        view.hardwareByteCount == 6, view.protocolByteCount == 4
      else { return nil }
      self.init(
        operation: view.operation, senderMAC: view.senderMAC, sender: view.sender,
        targetMAC: view.targetMAC, target: view.target)
    }

    /// Writes the 28 octets of the packet.
    @inlinable @unsafe public func write(to octets: UnsafeMutableRawPointer) {
      unsafe octets.setField(0, 1 as UInt16)
      unsafe octets.setField(2, EtherType.ipv4.rawValue)
      unsafe octets.setField(4, 0x0604 as UInt16)
      unsafe octets.setField(6, operation.rawValue)
      unsafe senderMAC.write(to: octets + 8)
      unsafe octets.setField(14, sender.rawValue)
      unsafe targetMAC.write(to: octets + 18)
      unsafe octets.setField(24, target.rawValue)
    }
  }
}
