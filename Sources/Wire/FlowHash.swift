// SPDX-License-Identifier: Apache-2.0

/// Which flow a frame belongs to, as a number: equal for both directions, cheap, well spread.
///
/// The key of a frame is, innermost VLAN and all tags ignored,
/// - the two addresses, the protocol and the two ports of TCP, UDP, DCCP, SCTP and UDP-Lite;
/// - the two addresses alone of fragments, so that a datagram's fragments stay together, and of
///   packets whose transport header cannot be reached;
/// - the two addresses and the protocol of everything else over IP;
/// - the two MAC addresses and the EtherType of everything else.
///
/// Every bit of the value is fit for use: `hash & mask`, `hash % n` and `(hash * n) >> 32` spread
/// alike. It is the same on every machine, and no defence: who must fear peers that choose their
/// ports passes a secret seed.
///
/// Source: `__flow_hash_consistentify()`, `net/core/flow_dissector.c`, orders the endpoints in the
/// same way; the kernel then takes SipHash, we a multiplication.
public enum FlowHash {
  // Safe: 38 octets are the header fields of the fast path; anything else is parsed with checks.
  /// The flow hash of an Ethernet frame.
  ///
  /// - Parameters:
  ///   - data: The frame's first octet.
  ///   - byteCount: Its readable octets; the first buffer of a longer frame is enough.
  ///   - seed: Changes which flows share a value.
  /// - Returns: The hash; 0 for fewer octets than an Ethernet header has.
  @inlinable @inline(__always) @unsafe public static func symmetric(
    _ data: UnsafeRawPointer, byteCount: Int, seed: UInt64 = 0
  ) -> UInt32 {
    guard byteCount >= 38 else { return unsafe parsed(data, byteCount: byteCount, seed: seed) }
    // EtherType 0x0800 and a first octet of 0x45; then no fragment, and UDP or TCP.
    let type: UInt32 = unsafe data.word(12)
    let middle = unsafe (data.word(20) as UInt32) & 0xff00_ff3f
    guard type & 0xff_ffff == 0x45_0008, middle == 0x1100_0000 || middle == 0x0600_0000 else {
      return unsafe parsed(data, byteCount: byteCount, seed: seed)
    }
    return unsafe ipv4(data + 26, ports: data + 34, kind: UInt64(middle) << 32, seed)
  }

  /// The flow hash of an Ethernet frame, as `symmetric(_:byteCount:seed:)`.
  @inlinable public static func symmetric(_ frame: RawSpan, seed: UInt64 = 0) -> UInt32 {
    unsafe frame.withUnsafeBytes {
      unsafe symmetric($0.start, byteCount: $0.count, seed: seed)
    }
  }
}

extension FlowHash {
  // The fractions of the square roots of 2, 3, 5 and 7 (FIPS 180-4, section 5.3.5): constants that
  // nobody chose. An IPv4 endpoint cannot cancel the first, whose upper 16 bits it does not reach.
  @inlinable @inline(__always) static var k0: UInt64 { 0x6a09_e667_f3bc_c908 }
  @inlinable @inline(__always) static var k1: UInt64 { 0xbb67_ae85_84ca_a73b }
  @inlinable @inline(__always) static var k2: UInt64 { 0x3c6e_f372_fe94_f82b }
  @inlinable @inline(__always) static var k3: UInt64 { 0xa54f_f53a_5f1d_36f1 }

  /// The product of two words, its halves folded into one.
  @inlinable @inline(__always) static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  /// The hash of two endpoints: a product, so neither direction goes first.
  ///
  /// One product leaves patterns that a chi-square test sees in a run of ports; two do not.
  ///
  /// `kind` is the IP protocol in the highest octet, or 0.
  @inlinable @inline(__always) static func pair(
    _ a: UInt64, _ b: UInt64, kind: UInt64, _ seed: UInt64
  ) -> UInt32 {
    let key = k0 ^ seed ^ kind
    return UInt32(truncatingIfNeeded: fold(fold(a ^ key, b ^ key), k1))
  }

  /// The hash of an IPv4 flow, of the octets where the addresses and the ports stand.
  @inlinable @inline(__always) static func ipv4(
    _ addresses: UnsafeRawPointer, ports: UnsafeRawPointer, kind: UInt64, _ seed: UInt64
  ) -> UInt32 {
    // Four loads and two shifts: taking one word apart costs more than loading its parts.
    let source = unsafe UInt64(addresses.word(0) as UInt32) | UInt64(ports.word(0) as UInt16) << 32
    let destination =
      unsafe UInt64(addresses.word(4) as UInt32) | UInt64(ports.word(2) as UInt16) << 32
    return pair(source, destination, kind: kind, seed)
  }

  /// The hash of two IPv4 addresses.
  @inlinable @inline(__always) static func ipv4(
    _ addresses: UnsafeRawPointer, kind: UInt64, _ seed: UInt64
  ) -> UInt32 {
    let source = unsafe UInt64(addresses.word(0) as UInt32)
    let destination = unsafe UInt64(addresses.word(4) as UInt32)
    return pair(source, destination, kind: kind, seed)
  }
}
