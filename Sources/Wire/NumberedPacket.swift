// SPDX-License-Identifier: Apache-2.0

/// UDP packets that say which flow they belong to and where in it, with a checksum over what they carry.
///
/// Whoever receives them can tell loss, order and damage without having seen them sent.
///
///     Ethernet 14 · IPv4 20 · UDP 8 · mark u32 · flow u32 · place u32 · sum u32 · pattern …
public struct NumberedPacket: Equatable, Sendable {
  /// The flow, from 0.
  public var flow: UInt32
  /// The packet's place in its flow, from 0.
  public var place: UInt32

  /// Names a packet.
  public init(flow: UInt32, place: UInt32) {
    self.flow = flow
    self.place = place
  }

  /// The shortest packet: what Ethernet sends, without the check sequence.
  public static let shortest = 60
  /// Where the mark begins.
  static let payloadOffset = 42
  static let patternOffset = 58
  static let mark: UInt32 = 0x5844_5046

  /// Builds a packet.
  ///
  /// - Parameter byteCount: Its length, Ethernet header included, 60...65549 octets.
  /// - Returns: The octets.
  /// - Note: Allocates; ``renumber(_:)`` makes more of it without.
  public func octets(byteCount: Int) -> [UInt8] {
    precondition(
      (NumberedPacket.shortest...65_549).contains(byteCount), "A packet has 60 to 65549 octets.")
    let flow = flow
    var packet = PacketBuilder.octets(capacity: byteCount) {
      $0.ethernet(
        source: MACAddress(0x02, 0, 0, 0, 0, 1), destination: MACAddress(0x02, 0, 0, 0, 0, 2))
      $0.ipv4(
        source: IPv4Address(rawValue: 0x0A00_0001 &+ (flow & 0xFFFF)),
        destination: IPv4Address(rawValue: 0x0A80_0001 &+ (flow >> 4)))
      $0.udp(source: UInt16(1_024 + flow % 60_000), destination: 9)
      $0.payload(byteCount: byteCount - NumberedPacket.payloadOffset, first: UInt8(flow & 0xFF))
    }
    // The number changes with every packet, so the optional checksum of UDP is left out.
    packet[40] = 0
    packet[41] = 0
    var span = packet.mutableSpan
    var octets = unsafe span.mutableBytes
    write(to: &octets)
    return packet
  }

  /// Makes another packet of the same flow and length out of one that was built before.
  public func renumber(_ packet: inout MutableRawSpan) {
    write(to: &packet)
  }

  private func write(to packet: inout MutableRawSpan) {
    let sum = NumberedPacket.sum(packet.bytes, flow, place)
    for (position, word) in [NumberedPacket.mark, flow, place, sum].enumerated() {
      packet.storeBytes(
        of: word.bigEndian, toByteOffset: NumberedPacket.payloadOffset + 4 * position,
        as: UInt32.self)
    }
  }

  /// Reads a packet back.
  ///
  /// - Returns: nil when it is none of ours, or was damaged.
  public init?(verifying packet: RawSpan) {
    guard packet.byteCount >= NumberedPacket.patternOffset else { return nil }
    func word(_ position: Int) -> UInt32 {
      // Safe: the four words end before the pattern, whose place was checked.
      UInt32(
        bigEndian: unsafe packet.unsafeLoadUnaligned(
          fromByteOffset: NumberedPacket.payloadOffset + 4 * position, as: UInt32.self))
    }
    guard word(0) == NumberedPacket.mark else { return nil }
    self.init(flow: word(1), place: word(2))
    guard word(3) == NumberedPacket.sum(packet, flow, place) else { return nil }
  }

  /// A checksum over pattern and number in which the order of the octets counts.
  private static func sum(_ packet: RawSpan, _ flow: UInt32, _ place: UInt32) -> UInt32 {
    var hash = (UInt64(flow) << 32 | UInt64(place)) &* 0x9E37_79B9_7F4A_7C15
    var offset = patternOffset
    while offset + 8 <= packet.byteCount {
      // Safe: eight octets are left.
      let word = unsafe packet.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      hash = (hash ^ UInt64(littleEndian: word)) &* 0xBF58_476D_1CE4_E5B9
      hash ^= hash >> 29
      offset += 8
    }
    while offset < packet.byteCount {
      let octet = unsafe packet.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      hash = (hash ^ UInt64(octet)) &* 0x94D0_49BB_1331_11EB
      offset += 1
    }
    return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
  }
}

/// Checks numbered packets as they come: how many there were, and how many came out of order or damaged.
public struct NumberedPacketCheck: Sendable {
  private var next: [UInt32: UInt32] = [:]
  /// Packets that were ours and whole.
  public private(set) var intact = 0
  /// Packets that were not.
  public private(set) var damaged = 0
  /// Packets that came after a later one of their flow.
  public private(set) var late = 0
  /// Places that were skipped: lost, unless they come late.
  public private(set) var skipped = 0

  /// Begins with nothing seen.
  public init() {}

  /// Takes note of a packet.
  public mutating func see(_ packet: RawSpan) {
    guard let number = NumberedPacket(verifying: packet) else {
      damaged += 1
      return
    }
    intact += 1
    let expected = next[number.flow] ?? 0
    if number.place < expected {
      late += 1
    } else {
      skipped += Int(number.place - expected)
      next[number.flow] = number.place + 1
    }
  }
}
