// SPDX-License-Identifier: Apache-2.0

// Safe: the offsets are those of headers that were written whole.
extension PacketBuilder {
  /// Fills in lengths and checksums.
  ///
  /// A fragment's transport header keeps the length and checksum it was given: they are of the
  /// whole datagram (`PacketBuilder.fragments(of:)` cuts a packet that has them).
  ///
  /// - Parameter minimumByteCount: Pads the frame with zeros behind the packet, which does not count
  ///   them; 60 on an Ethernet wire.
  /// - Returns: Octets of the frame; nil if it did not fit, or the packet has more than IP can count.
  public consuming func finish(minimumByteCount: Int = 0) -> Int? {
    guard !isOverflowed else { return nil }
    let length = byteCount &- networkOffset
    switch network {
    case .none: break
    case .ipv4 where length <= 65535: finishIPv4(length)
    case .ipv6 where length <= 65575: finishIPv6(length)
    default: return nil
    }
    if byteCount < minimumByteCount {
      let padding = minimumByteCount &- byteCount
      guard let octets = unsafe reserve(padding) else { return nil }
      unsafe fill(octets, padding, 0)
    }
    return byteCount
  }

  private func finishIPv4(_ length: Int) {
    let header = unsafe memory + networkOffset
    unsafe header.setField(2, UInt16(truncatingIfNeeded: length))
    unsafe header.setField(10, 0 as UInt16)
    let view = unsafe IPv4.View(header)
    let checksum = unsafe Checksum.of(header, byteCount: view.headerByteCount)
    unsafe header.setField(10, checksum)
    let transportLength = byteCount &- transportOffset
    finishTransport(
      Checksum(
        source: view.source, destination: view.destination, transport, byteCount: transportLength))
  }

  private func finishIPv6(_ length: Int) {
    let header = unsafe memory + networkOffset
    unsafe header.setField(4, UInt16(truncatingIfNeeded: length &- IPv6.headerByteCount))
    let view = unsafe IPv6.View(header)
    let transportLength = byteCount &- transportOffset
    finishTransport(
      Checksum(
        source: view.source, destination: view.destination, transport, byteCount: transportLength))
  }

  private func finishTransport(_ pseudoHeader: Checksum) {
    guard !isFragment else { return }
    let header = unsafe memory + transportOffset
    let length = byteCount &- transportOffset
    var checksum = pseudoHeader
    let field: Int
    switch transport {
    case .udp:
      unsafe header.setField(4, UInt16(truncatingIfNeeded: length))
      field = 6
    case .tcp:
      field = 16
    case .icmp:
      // ICMP alone has no pseudo-header (RFC 792).
      checksum = Checksum()
      field = 2
    case .icmpv6:
      field = 2
    default:
      return
    }
    unsafe header.setField(field, 0 as UInt16)
    unsafe checksum.add(header, byteCount: length)
    unsafe header.setField(field, transport == .udp ? checksum.valueForUDP : checksum.value)
  }
}
