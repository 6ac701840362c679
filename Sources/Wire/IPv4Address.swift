// SPDX-License-Identifier: Apache-2.0

import CLinux

/// An IPv4 address (RFC 791).
@frozen public struct IPv4Address: RawRepresentable, Hashable, Sendable {
  /// The address as a number, its first octet highest.
  public let rawValue: UInt32

  /// Makes an address of its number.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Makes an address of its four octets.
  @inlinable public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    self.rawValue = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  /// Whether the address names a group (224.0.0.0/4).
  @inlinable public var isMulticast: Bool { rawValue >> 28 == 0xe }
}

extension IPv4Address: LosslessStringConvertible {
  /// Reads four decimal octets with dots between.
  ///
  /// Source: `inet_pton()`, POSIX.1-2008.
  public init?(_ text: String) {
    var value: UInt32 = 0
    // Safe: inet_pton writes the four octets it was given room for, and reads to the first NUL.
    guard !text.utf8.contains(0), unsafe inet_pton(AF_INET, text, &value) == 1 else { return nil }
    self.init(rawValue: UInt32(bigEndian: value))
  }

  /// The usual form, as in `192.0.2.1`.
  public var description: String {
    "\(rawValue >> 24).\(rawValue >> 16 & 0xff).\(rawValue >> 8 & 0xff).\(rawValue & 0xff)"
  }
}
