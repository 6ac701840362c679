// SPDX-License-Identifier: Apache-2.0

// Safe: the offsets come from a dissection of the same octets, or are compared with their number.
extension Checksum {
  /// What a look at a packet's transport checksum found.
  @frozen public enum Verification: UInt8, Sendable {
    /// The checksum is right.
    case valid
    /// The checksum is wrong.
    case invalid
    /// UDP over IPv4 says that there is none.
    case absent
    /// Nobody can tell: no UDP, TCP or ICMP, a part of a packet, or one whose header contradicts it.
    case unknown
  }

  /// Looks whether the transport checksum of an Ethernet frame is right.
  public static func verify(_ frame: RawSpan) -> Verification {
    unsafe frame.withUnsafeBytes { unsafe verify($0.start, byteCount: $0.count) }
  }

  /// Looks whether the transport checksum of the Ethernet frame at a pointer is right.
  @unsafe public static func verify(_ frame: UnsafeRawPointer, byteCount: Int) -> Verification {
    guard let message = unsafe Message(frame, byteCount: byteCount) else { return .unknown }
    if message.transport == .udp, unsafe (frame.field(message.field) as UInt16) == 0 {
      return message.isIPv4 ? .absent : .invalid
    }
    return unsafe message.sum(frame).value == 0 ? .valid : .invalid
  }

  /// Computes the transport checksum of an Ethernet frame anew and stores it.
  ///
  /// - Returns: Whether the frame has one: UDP, TCP, ICMP or ICMPv6, whole and not a fragment.
  @discardableResult
  @unsafe public static func complete(_ frame: UnsafeMutableRawPointer, byteCount: Int) -> Bool {
    guard let message = unsafe Message(frame, byteCount: byteCount) else { return false }
    unsafe frame.setField(message.field, 0 as UInt16)
    let checksum = unsafe message.sum(frame)
    let value = message.transport == .udp ? checksum.valueForUDP : checksum.value
    unsafe frame.setField(message.field, value)
    return true
  }

  /// Finishes the checksum that a sender left to hardware.
  ///
  /// The field holds the sum of the pseudo-header already; the octets from `start` to the end are
  /// added to it, so the caller leaves out padding.
  ///
  /// - Parameters:
  ///   - frame: The first octet of the frame.
  ///   - byteCount: Its octets.
  ///   - start: Where the sum begins; `csum_start` of `struct virtio_net_hdr`.
  ///   - offset: Where the field stands from there; `csum_offset` of `struct virtio_net_hdr`.
  /// - Returns: false, and no change, if the field does not lie within the frame.
  ///
  /// Source: `skb_checksum_help()`, `net/core/dev.c`.
  @discardableResult
  @unsafe public static func complete(
    _ frame: UnsafeMutableRawPointer, byteCount: Int, start: Int, offset: Int
  ) -> Bool {
    guard start >= 0, offset >= 0, start <= byteCount, offset <= byteCount &- start &- 2 else {
      return false
    }
    let value = unsafe Checksum.of(frame + start, byteCount: byteCount &- start)
    unsafe frame.setField(start &+ offset, value == 0 ? 0xffff : value)
    return true
  }
}

extension Checksum {
  /// The octets that a transport checksum covers.
  struct Message {
    let packet: Dissection
    /// Where the checksum field stands in the frame.
    let field: Int
    /// Octets of transport header and payload.
    let byteCount: Int

    var transport: IPProtocol { packet.transport }
    var isIPv4: Bool { packet.network == .ipv4 }

    /// Finds the message of a frame; nil if its checksum cannot be known from it.
    init?(_ frame: UnsafeRawPointer, byteCount: Int) {
      packet = unsafe Dissection(parsing: frame, byteCount: byteCount)
      // With segments left, the pseudo-header has a destination that stands elsewhere.
      guard packet.stop == .complete, !packet.isFragment, !packet.isCutShort else { return nil }
      guard !packet.hasSegmentsLeft else { return nil }
      let room = packet.endOffset &- packet.transportOffset
      switch packet.transport {
      case .udp:
        // Octets behind the length of UDP are no part of it (RFC 768).
        let length = unsafe UDP.View(frame + packet.transportOffset).totalByteCount
        guard length >= UDP.headerByteCount, length <= room else { return nil }
        self.byteCount = length
        field = packet.transportOffset &+ 6
      case .tcp:
        self.byteCount = room
        field = packet.transportOffset &+ 16
      case .icmp, .icmpv6:
        self.byteCount = room
        field = packet.transportOffset &+ 2
      default: return nil
      }
    }

    /// The sum of pseudo-header and message; ICMP alone has no pseudo-header (RFC 792).
    func sum(_ frame: UnsafeRawPointer) -> Checksum {
      var checksum = Checksum()
      if let source = packet.sourceIPv4, let destination = packet.destinationIPv4 {
        if transport != .icmp {
          checksum = Checksum(
            source: source, destination: destination, transport, byteCount: byteCount)
        }
      } else {
        checksum = Checksum(
          source: packet.source, destination: packet.destination, transport, byteCount: byteCount)
      }
      unsafe checksum.add(frame + packet.transportOffset, byteCount: byteCount)
      return checksum
    }
  }
}
