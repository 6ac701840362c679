// SPDX-License-Identifier: Apache-2.0

// Safe: every header is written into a range that `reserve()` gave out for it.
extension PacketBuilder {
  /// Appends an IPv4 header; length and checksum are filled in by `finish()`.
  ///
  /// - Parameter header: Its fields. Where `headerByteCount` leaves room for options it is filled
  ///   with the option "no operation".
  /// - Precondition: `headerByteCount` is a multiple of 4 in 20...60.
  public mutating func ipv4(_ header: IPv4.Header) {
    let range = IPv4.headerByteCount...IPv4.maximumHeaderByteCount
    precondition(
      range.contains(header.headerByteCount) && header.headerByteCount % 4 == 0,
      "An IPv4 header has 20, 24 and so on up to 60 octets.")
    guard let octets = unsafe reserve(header.headerByteCount) else { return }
    name(.ipv4)
    unsafe header.write(to: octets)
    unsafe fill(octets + IPv4.headerByteCount, header.headerByteCount - IPv4.headerByteCount, 1)
    network = .ipv4
    networkOffset = byteCount &- header.headerByteCount
    typeField = .nextProtocol
    typeOffset = networkOffset &+ 9
    if header.hasMoreFragments || header.fragmentOffset != 0 { isFragment = true }
  }

  /// Appends an IPv4 header of a whole packet.
  public mutating func ipv4(source: IPv4Address, destination: IPv4Address) {
    ipv4(IPv4.Header(source: source, destination: destination))
  }

  /// Appends an IPv6 header; its length is filled in by `finish()`.
  public mutating func ipv6(_ header: IPv6.Header) {
    guard let octets = unsafe reserve(IPv6.headerByteCount) else { return }
    name(.ipv6)
    unsafe header.write(to: octets)
    network = .ipv6
    networkOffset = byteCount &- IPv6.headerByteCount
    typeField = .nextProtocol
    typeOffset = networkOffset &+ 6
  }

  /// Appends an IPv6 header of a whole packet.
  public mutating func ipv6(source: IPv6Address, destination: IPv6Address) {
    ipv6(IPv6.Header(source: source, destination: destination))
  }

  /// Appends an IPv6 extension header that asks for nothing: options are padding, a routing header
  /// has no segments left, an authentication header authenticates nothing.
  ///
  /// - Parameters:
  ///   - kind: Hop-by-hop options, destination options, routing or authentication.
  ///   - byteCount: Its octets; a multiple of 8 in 8...2048, for authentication 16...1024.
  ///   - nextHeader: What follows, if no header of this builder does.
  /// - Precondition: Kind and length are among these.
  public mutating func ipv6Extension(
    _ kind: IPProtocol, byteCount: Int = 16, nextHeader: IPProtocol = .noNextHeader
  ) {
    let range = kind == .ah ? 16...1024 : 8...2048
    precondition(
      kind.isExtension && kind != .fragment && range.contains(byteCount) && byteCount % 8 == 0,
      "An extension header has a multiple of 8 octets, and fragments have a call of their own.")
    guard let octets = unsafe reserve(byteCount) else { return }
    name(kind)
    unsafe fill(octets, byteCount, 0)
    unsafe octets.setField(0, nextHeader.rawValue)
    let units = kind == .ah ? byteCount / 4 - 2 : byteCount / 8 - 1
    unsafe octets.setField(1, UInt8(truncatingIfNeeded: units))
    switch kind {
    case .hopByHop, .destinationOptions: unsafe pad(octets + 2, byteCount - 2)
    case .routing: unsafe octets.setField(2, 253 as UInt8)
    default: break
    }
    typeField = .nextProtocol
    typeOffset = self.byteCount &- byteCount
  }

  /// Appends an IPv6 fragment header.
  ///
  /// - Parameter fragment: Its fields; `nextHeader` counts if no header of this builder follows.
  public mutating func ipv6Fragment(_ fragment: IPv6.Fragment) {
    guard let octets = unsafe reserve(IPv6.Fragment.headerByteCount) else { return }
    name(.fragment)
    unsafe fragment.write(to: octets)
    typeField = .nextProtocol
    typeOffset = byteCount &- IPv6.Fragment.headerByteCount
    if !fragment.isAtomic { isFragment = true }
  }

  /// Writes one octet many times.
  func fill(_ octets: UnsafeMutableRawPointer, _ byteCount: Int, _ octet: UInt8) {
    unsafe octets.initializeMemory(as: UInt8.self, repeating: octet, count: byteCount)
  }

  /// Fills zeroed octets with padding options (RFC 8200, section 4.2): PadN holds up to 255.
  private func pad(_ octets: UnsafeMutableRawPointer, _ byteCount: Int) {
    var offset = 0
    while byteCount - offset >= 2 {
      let length = min(byteCount - offset - 2, 255)
      unsafe octets.setField(offset, 1 as UInt8)
      unsafe octets.setField(offset + 1, UInt8(truncatingIfNeeded: length))
      offset += length + 2
    }
  }
}
