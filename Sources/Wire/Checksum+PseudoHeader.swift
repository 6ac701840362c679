// SPDX-License-Identifier: Apache-2.0

extension Checksum {
  /// Begins with the pseudo-header of IPv4 (RFC 9293, section 3.1).
  ///
  /// - Parameters:
  ///   - source: Whom the packet is from.
  ///   - destination: Whom the packet is for.
  ///   - nextProtocol: What the IPv4 header says follows it.
  ///   - byteCount: Octets of transport header and payload; 0...65535.
  ///
  /// Source: `csum_tcpudp_nofold()`, `include/asm-generic/checksum.h`.
  @inlinable public init(
    source: IPv4Address, destination: IPv4Address, _ nextProtocol: IPProtocol, byteCount: Int
  ) {
    self.init()
    add(source.rawValue)
    add(destination.rawValue)
    add(UInt16(nextProtocol.rawValue))
    add(UInt16(truncatingIfNeeded: byteCount))
  }

  /// Begins with the pseudo-header of IPv6 (RFC 8200, section 8.1).
  ///
  /// - Parameters:
  ///   - source: Whom the packet is from.
  ///   - destination: Whom the packet is for, in the end: behind a routing header, its last address.
  ///   - nextProtocol: What the last extension header says follows it.
  ///   - byteCount: Octets of transport header and payload.
  ///
  /// Source: `csum_ipv6_magic()`, `net/ipv6/ip6_checksum.c`.
  @inlinable public init(
    source: IPv6Address, destination: IPv6Address, _ nextProtocol: IPProtocol, byteCount: Int
  ) {
    self.init()
    add(source.high)
    add(source.low)
    add(destination.high)
    add(destination.low)
    add(UInt32(truncatingIfNeeded: byteCount))
    add(UInt32(nextProtocol.rawValue))
  }
}
