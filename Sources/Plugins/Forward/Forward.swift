// SPDX-License-Identifier: Apache-2.0

internal import Wire
public import XDPFrame

/// Forwards IPv4 and IPv6 as a router does: looks the way up, counts the packet's life down, addresses the frame.
///
/// What a router does not forward by itself is passed, for the kernel to deal with: packets for this host or a group,
/// with IPv4 options or a VLAN tag, at the end of their life, too long for the way, or for a neighbour that has to be
/// asked for first. What a route sends nowhere is dropped.
///
/// Source: `xdp_fwd_flags()`, `samples/bpf/xdp_fwd_kern.c`, and `bpf_xdp_fib_lookup()`, `net/core/filter.c`.
public final class Forward: PacketProgram, Sendable {
  private let table: ForwardingTable
  private let map: UInt16

  /// Forwards by a table.
  ///
  /// - Parameters:
  ///   - table: Where packets go.
  ///   - map: The number of the map that leads from the numbers of ports to ports.
  public init(table: ForwardingTable, map: UInt16) {
    self.table = table
    self.map = map
  }

  /// Forwards one packet, passes or drops it.
  public func run(_ packet: inout Buff) -> Verdict {
    let byteCount = packet.linearByteCount
    guard byteCount >= Ethernet.headerByteCount else { return .pass }
    // Safe: each header is looked at once its octets are known to be there.
    let data = unsafe packet.data
    let link = unsafe Ethernet.View(data)
    if link.destination.isMulticast { return .pass }
    let start = unsafe data + Ethernet.headerByteCount
    let left = byteCount &- Ethernet.headerByteCount
    switch link.type {
    case .ipv4 where left >= IPv4.headerByteCount: return unsafe forwardIPv4(&packet, start)
    case .ipv6 where left >= IPv6.headerByteCount: return unsafe forwardIPv6(&packet, start)
    default: return .pass
    }
  }

  private func forwardIPv4(
    _ packet: inout Buff, _ start: UnsafeMutableRawPointer
  ) -> Verdict {
    let header = unsafe IPv4.View(start)
    guard header.version == 4, header.headerByteCount == IPv4.headerByteCount,
      header.timeToLive > 1
    else { return .pass }
    let hop = table.hop(to: header.destination)
    guard hop.action == .forward else { return hop.action == .drop ? .drop : .pass }
    guard header.totalByteCount <= Int(hop.mtu) else { return .pass }
    // The octet that is counted down and the one behind it are one word of the checksum.
    let word = UInt16(header.timeToLive) << 8 | UInt16(header.nextProtocol.rawValue)
    let checksum = Checksum.updated(header.checksum, replacing: word, by: word &- 0x100)
    unsafe start.storeBytes(of: header.timeToLive &- 1, toByteOffset: 8, as: UInt8.self)
    unsafe start.storeBytes(of: checksum.bigEndian, toByteOffset: 10, as: UInt16.self)
    return send(&packet, by: hop)
  }

  private func forwardIPv6(
    _ packet: inout Buff, _ start: UnsafeMutableRawPointer
  ) -> Verdict {
    let header = unsafe IPv6.View(start)
    guard header.version == 6, header.hopLimit > 1 else { return .pass }
    let hop = table.hop(to: header.destination)
    guard hop.action == .forward else { return hop.action == .drop ? .drop : .pass }
    guard header.payloadByteCount &+ IPv6.headerByteCount <= Int(hop.mtu) else { return .pass }
    unsafe start.storeBytes(of: header.hopLimit &- 1, toByteOffset: 7, as: UInt8.self)
    return send(&packet, by: hop)
  }

  @inline(__always)
  private func send(_ packet: inout Buff, by hop: ForwardingTable.Hop) -> Verdict {
    let type = unsafe Ethernet.View(packet.data).type
    unsafe Ethernet.Header(destination: hop.destination, source: hop.source, type: type)
      .write(to: packet.data)
    return packet.redirect(to: RedirectTarget(map: map, key: hop.port))
  }
}
