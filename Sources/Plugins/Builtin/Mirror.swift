// SPDX-License-Identifier: Apache-2.0

internal import Wire
public import XDPFrame

/// Sends TCP to or from one port back to its sender, addresses exchanged; passes everything else.
///
/// Exchanging addresses changes no checksum.
///
/// Source: `ssh-mirror.c` of the XDP project's examples, for port 22.
public final class Mirror: PacketProgram, Sendable {
  private let port: UInt16

  /// Mirrors a port.
  public init(port: UInt16 = 22) {
    self.port = port
  }

  /// Sends one packet back, or passes it.
  public func run(_ packet: inout Buff) -> Verdict {
    // Safe: the headers that are read are known to be there.
    let data = unsafe packet.data
    let start = unsafe data + Ethernet.headerByteCount
    guard packet.linearByteCount >= Ethernet.headerByteCount &+ IPv4.headerByteCount,
      unsafe Ethernet.View(data).type == .ipv4
    else { return .pass }
    let header = unsafe IPv4.View(start)
    let transport = Ethernet.headerByteCount &+ header.headerByteCount
    guard header.version == 4, header.nextProtocol == .tcp, header.fragmentOffset == 0,
      header.headerByteCount >= IPv4.headerByteCount,
      packet.linearByteCount >= transport &+ 4
    else { return .pass }
    let ports = unsafe (
      UInt16(bigEndian: (data + transport).loadUnaligned(as: UInt16.self)),
      UInt16(bigEndian: (data + transport + 2).loadUnaligned(as: UInt16.self))
    )
    guard ports.0 == port || ports.1 == port else { return .pass }
    unsafe Mirror.exchange(data, data + 6, byteCount: 6)
    unsafe Mirror.exchange(start + 12, start + 16, byteCount: 4)
    return .transmit
  }

  @inline(__always)
  private static func exchange(
    _ first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer, byteCount: Int
  ) {
    var position = 0
    while position < byteCount {
      let octets = unsafe (
        first.loadUnaligned(fromByteOffset: position, as: UInt16.self),
        second.loadUnaligned(fromByteOffset: position, as: UInt16.self)
      )
      unsafe first.storeBytes(of: octets.1, toByteOffset: position, as: UInt16.self)
      unsafe second.storeBytes(of: octets.0, toByteOffset: position, as: UInt16.self)
      position &+= 2
    }
  }
}
