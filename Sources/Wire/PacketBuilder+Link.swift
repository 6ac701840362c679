// SPDX-License-Identifier: Apache-2.0

// Safe: every header is written into a range that `reserve()` gave out for it.
extension PacketBuilder {
  /// Appends an Ethernet header; without addresses, from one local station to another.
  ///
  /// - Parameters:
  ///   - source: The station the frame is from.
  ///   - destination: The station the frame is for.
  ///   - type: What follows, if no header of this builder does.
  public mutating func ethernet(
    source: MACAddress = MACAddress(2, 0, 0, 0, 0, 1),
    destination: MACAddress = MACAddress(2, 0, 0, 0, 0, 2),
    type: EtherType = EtherType(rawValue: 0x88b5)
  ) {
    guard let octets = unsafe reserve(Ethernet.headerByteCount) else { return }
    let header = Ethernet.Header(destination: destination, source: source, type: type)
    unsafe header.write(to: octets)
    typeField = .etherType
    typeOffset = byteCount &- 2
  }

  /// Appends a VLAN tag; the first one appended is the outermost.
  ///
  /// - Parameters:
  ///   - tag: The tag.
  ///   - type: What follows, if no header of this builder does.
  public mutating func vlan(_ tag: VLAN.Tag, type: EtherType = EtherType(rawValue: 0x88b5)) {
    guard let octets = unsafe reserve(VLAN.headerByteCount) else { return }
    name(tag.type)
    unsafe octets.setField(0, UInt16(truncatingIfNeeded: tag.rawValue))
    unsafe octets.setField(2, type.rawValue)
    typeField = .etherType
    typeOffset = byteCount &- 2
  }

  /// Appends an ARP packet.
  public mutating func arp(_ packet: ARP.Packet) {
    guard let octets = unsafe reserve(ARP.packetByteCount) else { return }
    name(.arp)
    unsafe packet.write(to: octets)
  }
}
