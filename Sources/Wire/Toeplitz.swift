// SPDX-License-Identifier: Apache-2.0

/// The Toeplitz hash by which network cards spread flows over queues (receive side scaling).
///
/// To know in advance, or to repeat, what a card does; `FlowHash` is cheaper. Owns its table, which
/// nobody writes after `init`: any number of threads may borrow it.
///
/// Source: "RSS hashing types", Microsoft NDIS documentation; `rte_softrss()`, `lib/hash/rte_thash.h`
/// is the same bit by bit, ours takes an octet at a time from a table of every octet's contribution.
@safe public struct Toeplitz: ~Copyable, @unchecked Sendable {
  /// Octets of the longest input: two IPv6 addresses and two ports.
  @inlinable public static var inputByteCount: Int { 36 }
  /// Octets of a key: 32 bits beyond the longest input.
  @inlinable public static var keyByteCount: Int { 40 }

  // Safe: the table has 256 entries for each of `inputByteCount` positions, and an index is made of
  // a position below that and an octet. It is immutable once the initializer returns.
  @usableFromInline let table: UnsafeMutablePointer<UInt32>

  /// Computes the table of a key.
  ///
  /// - Parameter key: At least 40 octets, of which the first 40 count.
  /// - Precondition: There are that many.
  /// - Note: Allocates 36 KiB.
  public init(key: [UInt8] = Toeplitz.microsoftKey) {
    precondition(key.count >= Toeplitz.keyByteCount, "A Toeplitz key has 40 octets.")
    unsafe table = .allocate(capacity: Toeplitz.inputByteCount * 256)
    for position in 0..<Toeplitz.inputByteCount {
      let window = key[position..<position + 5].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      for octet in 0..<256 {
        var sum: UInt64 = 0
        for bit in 0..<8 where octet >> (7 - bit) & 1 == 1 { sum ^= window >> UInt64(8 - bit) }
        let entry = UInt32(truncatingIfNeeded: sum)
        unsafe (table + (position * 256 + octet)).initialize(to: entry)
      }
    }
  }

  deinit { unsafe table.deallocate() }

  /// The key of Microsoft's verification suite, which many drivers use.
  public static let microsoftKey: [UInt8] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
  ]

  /// The key that repeats every 16 bits, so that both directions of a flow hash alike.
  ///
  /// Source: S. Woo and K. Park, "Scalable TCP session monitoring with symmetric receive-side
  /// scaling", KAIST, 2012.
  public static let symmetricKey = [UInt8]((0..<40).map { $0 % 2 == 0 ? 0x6d : 0x5a })
}

extension Toeplitz {
  /// What one input octet contributes.
  @inlinable @inline(__always) func term(_ position: Int, _ octet: UInt8) -> UInt32 {
    unsafe table[position &* 256 &+ Int(octet)]
  }

  /// What four input octets contribute, the highest of the word first.
  @inlinable @inline(__always) func term(_ position: Int, _ word: UInt32) -> UInt32 {
    term(position, UInt8(truncatingIfNeeded: word >> 24))
      ^ term(position &+ 1, UInt8(truncatingIfNeeded: word >> 16))
      ^ term(position &+ 2, UInt8(truncatingIfNeeded: word >> 8))
      ^ term(position &+ 3, UInt8(truncatingIfNeeded: word))
  }

  /// What an IPv6 address contributes.
  @inlinable @inline(__always) func term(_ position: Int, _ address: IPv6Address) -> UInt32 {
    term(position, UInt32(truncatingIfNeeded: address.high >> 32))
      ^ term(position &+ 4, UInt32(truncatingIfNeeded: address.high))
      ^ term(position &+ 8, UInt32(truncatingIfNeeded: address.low >> 32))
      ^ term(position &+ 12, UInt32(truncatingIfNeeded: address.low))
  }

  /// The hash of two IPv4 addresses.
  @inlinable public func hash(source: IPv4Address, destination: IPv4Address) -> UInt32 {
    term(0, source.rawValue) ^ term(4, destination.rawValue)
  }

  /// The hash of two IPv4 addresses and two ports.
  @inlinable public func hash(
    source: IPv4Address, destination: IPv4Address, sourcePort: UInt16, destinationPort: UInt16
  ) -> UInt32 {
    hash(source: source, destination: destination)
      ^ term(8, UInt32(sourcePort) << 16 | UInt32(destinationPort))
  }

  /// The hash of two IPv6 addresses.
  @inlinable public func hash(source: IPv6Address, destination: IPv6Address) -> UInt32 {
    term(0, source) ^ term(16, destination)
  }

  /// The hash of two IPv6 addresses and two ports.
  @inlinable public func hash(
    source: IPv6Address, destination: IPv6Address, sourcePort: UInt16, destinationPort: UInt16
  ) -> UInt32 {
    hash(source: source, destination: destination)
      ^ term(32, UInt32(sourcePort) << 16 | UInt32(destinationPort))
  }

  /// The hash of a frame: addresses and ports of TCP, UDP and SCTP, addresses alone of fragments and
  /// everything else over IP, 0 of everything else.
  public func hash(_ frame: Dissection) -> UInt32 {
    let ports = UInt32(frame.sourcePort) << 16 | UInt32(frame.destinationPort)
    let isWhole = frame.hasPorts && !frame.isFragment
    let transport = frame.transport
    let hasPorts = isWhole && (transport == .tcp || transport == .udp || transport == .sctp)
    switch frame.network {
    case .ipv4:
      let source = UInt32(truncatingIfNeeded: frame.source.low)
      let addresses = term(0, source) ^ term(4, UInt32(truncatingIfNeeded: frame.destination.low))
      return hasPorts ? addresses ^ term(8, ports) : addresses
    case .ipv6:
      let addresses = hash(source: frame.source, destination: frame.destination)
      return hasPorts ? addresses ^ term(32, ports) : addresses
    default:
      return 0
    }
  }
}
