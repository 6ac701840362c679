// SPDX-License-Identifier: Apache-2.0

import CLinux

/// An IPv6 address (RFC 4291).
@frozen public struct IPv6Address: Hashable, Sendable {
  /// The first eight octets as a number.
  public let high: UInt64
  /// The last eight octets as a number.
  public let low: UInt64

  /// Makes an address of its two halves.
  @inlinable public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes the IPv4-mapped address (RFC 4291, section 2.5.5.2).
  @inlinable public init(mapped address: IPv4Address) {
    self.init(high: 0, low: 0xffff_0000_0000 | UInt64(address.rawValue))
  }

  /// The IPv4 address inside an IPv4-mapped one.
  @inlinable public var mapped: IPv4Address? {
    guard high == 0, low >> 32 == 0xffff else { return nil }
    return IPv4Address(rawValue: UInt32(truncatingIfNeeded: low))
  }

  /// Whether the address names a group (ff00::/8).
  @inlinable public var isMulticast: Bool { high >> 56 == 0xff }

  @inlinable init(_ octets: UnsafeRawPointer) {
    self.init(high: unsafe octets.field(0), low: unsafe octets.field(8))
  }

  @inlinable func write(to octets: UnsafeMutableRawPointer) {
    unsafe octets.setField(0, high)
    unsafe octets.setField(8, low)
  }
}

extension IPv6Address: LosslessStringConvertible {
  /// Reads any of the textual forms of RFC 4291.
  ///
  /// Source: `inet_pton()`, POSIX.1-2008.
  public init?(_ text: String) {
    guard !text.utf8.contains(0) else { return nil }
    var octets = InlineArray<16, UInt8>(repeating: 0)
    var span = octets.mutableSpan
    // Safe: inet_pton writes the sixteen octets it was given room for, and reads to the first NUL.
    let accepted = unsafe span.withUnsafeMutableBytes { room in
      unsafe inet_pton(AF_INET6, text, room.baseAddress)
    }
    guard accepted == 1 else { return nil }
    let address = unsafe octets.span.bytes.withUnsafeBytes { room in
      unsafe room.baseAddress.map { unsafe IPv6Address($0) }
    }
    guard let address else { return nil }
    self = address
  }

  /// The canonical form (RFC 5952), as in `2001:db8::1`.
  public var description: String {
    var octets = InlineArray<16, UInt8>(repeating: 0)
    var span = octets.mutableSpan
    unsafe span.withUnsafeMutableBytes { room in
      if let base = room.baseAddress { unsafe write(to: base) }
    }
    // Safe: the longest text, an IPv4-mapped address, and its terminator are 46 octets.
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 46) { text in
      let end = unsafe octets.span.withUnsafeBytes { room in
        unsafe inet_ntop(AF_INET6, room.baseAddress, text.baseAddress, 46)
      }
      guard let end = unsafe end else { return "" }
      return unsafe String(cString: end)
    }
  }
}
