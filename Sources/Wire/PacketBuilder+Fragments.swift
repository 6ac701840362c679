// SPDX-License-Identifier: Apache-2.0

extension PacketBuilder {
  /// Cuts a frame with a whole IP packet into frames with its fragments, for tests and tools.
  ///
  /// Options of IPv4 are copied to every fragment, whatever their copy flag says.
  ///
  /// - Parameters:
  ///   - frame: An Ethernet frame, without padding, with a whole IPv4 or IPv6 packet.
  ///   - payload: The most octets of the datagram that a fragment takes; a multiple of 8 from 8 on.
  ///   - identification: What the fragments have in common; IPv4 takes the low 16 bits.
  /// - Returns: The frames, in order; two or more where the datagram is longer than `payload`.
  /// - Precondition: The frame has a whole IP packet that is no fragment.
  /// - Note: Allocates.
  ///
  /// Source: RFC 791, section 3.2, and RFC 8200, section 4.5.
  public static func fragments(
    of frame: [UInt8], payload: Int, identification: UInt32 = 1
  ) -> [[UInt8]] {
    precondition(payload >= 8 && payload % 8 == 0, "Fragments are cut at multiples of 8 octets.")
    // Safe: an array of octets has no padding.
    let packet = Dissection(parsing: unsafe frame.span.bytes)
    precondition(
      packet.hasAddresses && !packet.isFragment && packet.endOffset == frame.count,
      "Only a whole IP packet can be cut into fragments.")
    let cut = cutOffset(frame, packet)
    return stride(from: cut, to: frame.count, by: payload).map { start in
      let end = min(start + payload, frame.count)
      let head = frame[..<cut]
      let body = frame[start..<end]
      let place = Place(offset: start - cut, isLast: end == frame.count, identification)
      return packet.network == .ipv4
        ? ipv4Fragment(packet, head, body, place) : ipv6Fragment(packet, head, body, place)
    }
  }

  private struct Place {
    let offset: Int
    let isLast: Bool
    let identification: UInt32

    init(offset: Int, isLast: Bool, _ identification: UInt32) {
      self.offset = offset
      self.isLast = isLast
      self.identification = identification
    }
  }

  /// Where the part begins that is cut: in IPv6, behind the last header that every router reads.
  private static func cutOffset(_ frame: [UInt8], _ packet: Dissection) -> Int {
    let network = packet.networkOffset
    guard packet.network == .ipv6 else { return network + Int(frame[network] & 15) * 4 }
    var kind = IPProtocol(rawValue: frame[network + 6])
    var offset = network + IPv6.headerByteCount
    var cut = offset
    while offset < packet.transportOffset {
      let isForRouters = kind == .hopByHop || kind == .routing
      let units = Int(frame[offset + 1])
      let byteCount = kind == .ah ? (units + 2) * 4 : (units + 1) * 8
      kind = IPProtocol(rawValue: frame[offset])
      offset += byteCount
      if isForRouters { cut = offset }
    }
    return cut
  }

  private static func ipv4Fragment(
    _ packet: Dissection, _ head: ArraySlice<UInt8>, _ body: ArraySlice<UInt8>, _ place: Place
  ) -> [UInt8] {
    var fragment = [UInt8](head + body)
    let network = packet.networkOffset
    let flags = fragment[network + 6] & 0x40 | (place.isLast ? 0 : 0x20)
    put(fragment.count - network, &fragment, network + 2)
    put(Int(place.identification & 0xffff), &fragment, network + 4)
    put(Int(flags) << 8 | place.offset / 8, &fragment, network + 6)
    put(0, &fragment, network + 10)
    // Safe: an array of octets has no padding.
    let checksum = Checksum.of(unsafe fragment[network..<head.count].span.bytes)
    put(Int(checksum), &fragment, network + 10)
    return fragment
  }

  private static func ipv6Fragment(
    _ packet: Dissection, _ head: ArraySlice<UInt8>, _ body: ArraySlice<UInt8>, _ place: Place
  ) -> [UInt8] {
    let network = packet.networkOffset
    var fragment = [UInt8](head)
    let field = lastNextHeader(fragment, network)
    let header =
      [fragment[field], 0, 0, 0]
      + [24, 16, 8, 0].map {
        UInt8(truncatingIfNeeded: place.identification >> $0)
      }
    fragment[field] = IPProtocol.fragment.rawValue
    fragment += header + body
    put(place.offset | (place.isLast ? 0 : 1), &fragment, head.count + 2)
    put(fragment.count - network - IPv6.headerByteCount, &fragment, network + 4)
    return fragment
  }

  /// Where the type field of the last header stands, in octets that end behind that header.
  private static func lastNextHeader(_ head: [UInt8], _ network: Int) -> Int {
    var field = network + 6
    var offset = network + IPv6.headerByteCount
    while offset < head.count {
      let kind = IPProtocol(rawValue: head[field])
      let units = Int(head[offset + 1])
      field = offset
      offset += kind == .ah ? (units + 2) * 4 : (units + 1) * 8
    }
    return field
  }

  private static func put(_ value: Int, _ octets: inout [UInt8], _ offset: Int) {
    octets[offset] = UInt8(truncatingIfNeeded: value >> 8)
    octets[offset + 1] = UInt8(truncatingIfNeeded: value)
  }
}
