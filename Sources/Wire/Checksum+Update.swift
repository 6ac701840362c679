// SPDX-License-Identifier: Apache-2.0

extension Checksum {
  /// The checksum after a 16-bit field changed (RFC 1624, equation 3).
  ///
  /// - Parameters:
  ///   - checksum: The checksum before.
  ///   - old: The field before.
  ///   - new: The field after; both stand at an even offset.
  /// - Returns: The checksum after.
  ///
  /// Source: `csum_replace2()`, `include/net/checksum.h`.
  @inlinable public static func updated(
    _ checksum: UInt16, replacing old: UInt16, by new: UInt16
  ) -> UInt16 {
    let sum = UInt32(~checksum) &+ UInt32(~old) &+ UInt32(new)
    return ~fold(UInt64(sum))
  }

  /// The checksum after a 32-bit field changed, such as an IPv4 address.
  ///
  /// Source: `csum_replace4()`, `include/net/checksum.h`.
  @inlinable public static func updated(
    _ checksum: UInt16, replacing old: UInt32, by new: UInt32
  ) -> UInt16 {
    let before = ~old
    let sum =
      UInt64(~checksum) &+ UInt64(before >> 16) &+ UInt64(before & 0xffff) &+ UInt64(new >> 16)
      &+ UInt64(new & 0xffff)
    return ~fold(sum)
  }

  /// The checksum after an IPv6 address changed.
  ///
  /// Source: `inet_proto_csum_replace16()`, `net/core/utils.c`.
  @inlinable public static func updated(
    _ checksum: UInt16, replacing old: IPv6Address, by new: IPv6Address
  ) -> UInt16 {
    var value = checksum
    value = updated(value, replacing: old.high, by: new.high)
    return updated(value, replacing: old.low, by: new.low)
  }

  @inlinable static func updated(
    _ checksum: UInt16, replacing old: UInt64, by new: UInt64
  ) -> UInt16 {
    let high = updated(
      checksum, replacing: UInt32(truncatingIfNeeded: old >> 32),
      by: UInt32(truncatingIfNeeded: new >> 32))
    return updated(
      high, replacing: UInt32(truncatingIfNeeded: old), by: UInt32(truncatingIfNeeded: new))
  }
}
