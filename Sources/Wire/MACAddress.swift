// SPDX-License-Identifier: Apache-2.0

/// A 48-bit station address (EUI-48, IEEE 802).
@frozen public struct MACAddress: RawRepresentable, Hashable, Sendable {
  /// The address as a number, its first octet highest; the upper 16 bits are zero.
  public let rawValue: UInt64

  /// Takes the low 48 bits of a number.
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue & 0xffff_ffff_ffff }

  /// Makes an address of its six octets, in the order of the wire.
  @inlinable public init(
    _ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8
  ) {
    let high = UInt64(a) << 40 | UInt64(b) << 32 | UInt64(c) << 24
    self.rawValue = high | UInt64(d) << 16 | UInt64(e) << 8 | UInt64(f)
  }

  /// The address of every station.
  @inlinable public static var broadcast: MACAddress { MACAddress(rawValue: 0xffff_ffff_ffff) }

  /// Whether the address names a group, broadcast included.
  @inlinable public var isMulticast: Bool { rawValue & 0x0100_0000_0000 != 0 }

  /// Whether somebody other than the maker of the hardware chose the address.
  @inlinable public var isLocal: Bool { rawValue & 0x0200_0000_0000 != 0 }

  @inlinable init(_ octets: UnsafeRawPointer) {
    let high: UInt16 = unsafe octets.field(0)
    let low: UInt32 = unsafe octets.field(2)
    self.rawValue = UInt64(high) << 32 | UInt64(low)
  }

  @inlinable func write(to octets: UnsafeMutableRawPointer) {
    unsafe octets.setField(0, UInt16(truncatingIfNeeded: rawValue >> 32))
    unsafe octets.setField(2, UInt32(truncatingIfNeeded: rawValue))
  }
}

extension MACAddress: LosslessStringConvertible {
  /// Reads six octets of two hexadecimal digits with colons between.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var value: UInt64 = 0
    for part in parts {
      // UInt8(_:radix:) takes a sign, which no address has.
      guard part.utf8.count == 2, part.allSatisfy(\.isHexDigit), let octet = UInt8(part, radix: 16)
      else { return nil }
      value = value << 8 | UInt64(octet)
    }
    self.init(rawValue: value)
  }

  /// The usual form, as in `02:00:00:00:00:01`.
  public var description: String {
    stride(from: 40, through: 0, by: -8).map { shift in
      let octet = String(rawValue >> UInt64(shift) & 0xff, radix: 16)
      return octet.utf8.count == 1 ? "0" + octet : octet
    }.joined(separator: ":")
  }
}
