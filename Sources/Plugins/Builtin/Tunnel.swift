// SPDX-License-Identifier: Apache-2.0

public import Wire
public import XDPFrame

/// Puts IPv4 and IPv6 packets into an IPv4 packet for the other end of a tunnel, and sends them back out of the port that
/// they came by.
///
/// What is neither is passed, and so is what would be longer than the tunnel takes. The frame goes to whom it came from,
/// which is the router where a load balancer stands. A packet whose headroom another program has used up is aborted.
///
/// Source: `handle_ipv4()` and `handle_ipv6()`, `samples/bpf/xdp_tx_iptunnel_kern.c`; RFC 2003, RFC 4213.
public final class Tunnel: PacketProgram, Sendable {
  private let header: IPv4.Header
  private let mtu: Int

  /// Makes one end of a tunnel.
  ///
  /// - Parameters:
  ///   - local: This end.
  ///   - remote: The other end.
  ///   - mtu: The octets of the largest packet that leaves, without its Ethernet header.
  public init(from local: IPv4Address, to remote: IPv4Address, mtu: Int = 1_500) {
    var header = IPv4.Header(source: local, destination: remote)
    header.isUnsplittable = true
    self.header = header
    self.mtu = mtu
  }

  /// Wraps one packet, or passes it.
  public func run(_ packet: inout Buff) -> Verdict {
    guard packet.linearByteCount >= Ethernet.headerByteCount &+ IPv4.headerByteCount else {
      return .pass
    }
    // Safe: the headers that are read are known to be there.
    let link = unsafe Ethernet.Header(Ethernet.View(packet.data))
    guard link.type == .ipv4 || link.type == .ipv6 else { return .pass }
    let byteCount = packet.byteCount &- Ethernet.headerByteCount &+ IPv4.headerByteCount
    guard byteCount <= mtu, !link.destination.isMulticast else { return .pass }
    do throws(PacketError) {
      try packet.adjustHead(by: -IPv4.headerByteCount)
    } catch {
      return .aborted
    }
    var outer = header
    outer.totalByteCount = byteCount
    outer.nextProtocol = link.type == .ipv4 ? .ipInIP : .ipv6InIP
    // Safe: the new octets in front are the packet's now.
    let data = unsafe packet.data
    let start = unsafe data + Ethernet.headerByteCount
    unsafe Ethernet.Header(destination: link.source, source: link.destination, type: .ipv4)
      .write(to: data)
    unsafe outer.write(to: start)
    let checksum = unsafe Checksum.of(start, byteCount: IPv4.headerByteCount)
    unsafe start.storeBytes(of: checksum.bigEndian, toByteOffset: 10, as: UInt16.self)
    return .transmit
  }
}
