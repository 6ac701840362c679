// SPDX-License-Identifier: Apache-2.0

// Safe: every header is written into a range that `reserve()` gave out for it.
extension PacketBuilder {
  /// Appends a UDP header; length and checksum are filled in by `finish()`.
  public mutating func udp(_ header: UDP.Header) {
    guard let octets = unsafe open(.udp, UDP.headerByteCount) else { return }
    unsafe header.write(to: octets)
  }

  /// Appends a UDP header of its ports.
  public mutating func udp(source: UInt16, destination: UInt16) {
    udp(UDP.Header(sourcePort: source, destinationPort: destination))
  }

  /// Appends a TCP header; its checksum is filled in by `finish()`.
  ///
  /// - Parameter header: Its fields. Where `headerByteCount` leaves room for options it is filled
  ///   with the option "no operation".
  /// - Precondition: `headerByteCount` is a multiple of 4 in 20...60.
  public mutating func tcp(_ header: TCP.Header) {
    let range = TCP.headerByteCount...TCP.maximumHeaderByteCount
    precondition(
      range.contains(header.headerByteCount) && header.headerByteCount % 4 == 0,
      "A TCP header has 20, 24 and so on up to 60 octets.")
    guard let octets = unsafe open(.tcp, header.headerByteCount) else { return }
    unsafe header.write(to: octets)
    unsafe fill(octets + TCP.headerByteCount, header.headerByteCount - TCP.headerByteCount, 1)
  }

  /// Appends a TCP header of its ports.
  public mutating func tcp(source: UInt16, destination: UInt16, flags: TCP.Flags = .ack) {
    tcp(TCP.Header(sourcePort: source, destinationPort: destination, flags: flags))
  }

  /// Appends an ICMP header; its checksum is filled in by `finish()`.
  public mutating func icmp(_ header: ICMP.Header) {
    guard let octets = unsafe open(.icmp, ICMP.headerByteCount) else { return }
    unsafe header.write(to: octets)
  }

  /// Appends an ICMPv6 header; its checksum is filled in by `finish()`.
  public mutating func icmpv6(_ header: ICMPv6.Header) {
    guard let octets = unsafe open(.icmpv6, ICMPv6.headerByteCount) else { return }
    unsafe header.write(to: octets)
  }

  /// Appends octets that count up, as ping does.
  ///
  /// - Parameters:
  ///   - byteCount: How many.
  ///   - first: The value of the first.
  public mutating func payload(byteCount: Int, first: UInt8 = 0) {
    guard let octets = unsafe reserve(byteCount) else { return }
    for offset in 0..<byteCount {
      unsafe octets.setField(offset, first &+ UInt8(truncatingIfNeeded: offset))
    }
  }

  /// Appends octets of the caller.
  public mutating func payload(_ payload: RawSpan) {
    guard let octets = unsafe reserve(payload.byteCount) else { return }
    unsafe payload.withUnsafeBytes {
      unsafe octets.copyMemory(from: $0.start, byteCount: $0.count)
    }
  }

  private mutating func open(
    _ kind: IPProtocol, _ byteCount: Int
  ) -> UnsafeMutableRawPointer? {
    guard let octets = unsafe reserve(byteCount) else { return nil }
    name(kind)
    transport = kind
    transportOffset = self.byteCount &- byteCount
    return unsafe octets
  }
}
