// SPDX-License-Identifier: Apache-2.0

internal import Wire
internal import XDPFrame

/// How a port lays a received packet over buffers.
public enum ReceiveMode: String, CaseIterable, Sendable {
  /// One buffer; what does not fit is dropped.
  case linear
  /// As many buffers as it takes: the linear part first, then fragments.
  case jumbo
  /// The headers alone in the linear part, the payload in fragments.
  ///
  /// The headers end behind UDP, TCP, ICMP, SCTP or DCCP. A packet without one of those, such as ARP or a later
  /// fragment of a datagram, and one without a payload, is not split.
  case headerSplit = "header-split"
}

extension ReceiveMode {
  /// How many octets of a packet the linear part gets.
  ///
  /// - Parameters:
  ///   - octets: The packet, or its beginning; its headers lie side by side.
  ///   - byteCount: The octets of the whole packet.
  ///   - room: The most that a linear part holds.
  /// - Returns: nil where the packet may have one buffer only and does not fit.
  @inline(__always)
  func linearByteCount(
    of octets: UnsafeRawBufferPointer, byteCount: Int, room: Int
  ) -> Int? {
    switch self {
    case .linear: byteCount <= room ? byteCount : nil
    case .jumbo: min(byteCount, room)
    case .headerSplit: unsafe min(ReceiveMode.headerByteCount(octets) ?? byteCount, room)
    }
  }

  /// The octets in front of the payload; nil where there is no transport header.
  static func headerByteCount(_ octets: UnsafeRawBufferPointer) -> Int? {
    guard let start = octets.baseAddress else { return nil }
    let dissection = unsafe Dissection(parsing: start, byteCount: octets.count)
    return dissection.stop == .complete ? dissection.payloadOffset : nil
  }
}
