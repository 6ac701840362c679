// SPDX-License-Identifier: Apache-2.0

internal import Wire
internal import XDPFrame

/// How generated packets look, for whoever makes them and whoever checks them.
///
///     Ethernet 14 │ IPv4 20 or IPv6 40 │ UDP 8 │ flow u32 · sequence u64 · signature u32 │ filler
///
/// Each flow is a UDP conversation with its own addresses and source port. The signature binds flow, sequence and
/// length together; the filler is the same octet at the same place of every packet, so a fragment out of place is
/// seen. Lengths and checksums are right, those of UDP too.
///
/// Headers are built once. Making a packet is a copy of them, six fields, and a sum of a dozen numbers.
@safe
final class TrafficTemplate: Sendable {
  let network: GeneratorPort.Plan.Network
  /// The octets in front of the filler.
  let headByteCount: Int
  let transportOffset: Int
  // Safe: written once, freed with the template.
  private nonisolated(unsafe) let headers: UnsafeMutableRawPointer
  nonisolated(unsafe) let filler: UnsafeMutableRawPointer
  /// The sum of the IPv4 header, but for its length and addresses.
  private let headerSum: Checksum

  /// What stands in front of the filler behind the headers.
  static let tagByteCount = 16
  /// Octets of headers that are copied: those of IPv6, rounded up.
  private static let headersByteCount = 64
  /// Two halves of 2001:db8::/32, which is for documentation.
  private static let sourceNetwork: UInt64 = 0x2001_0db8_0000_0000
  private static let destinationNetwork: UInt64 = 0x2001_0db8_8000_0000
  /// At least the longest packet that IP can count.
  static let fillerByteCount = 65_664

  init(_ network: GeneratorPort.Plan.Network) {
    self.network = network
    transportOffset = network == .ipv4 ? 34 : 54
    headByteCount = transportOffset + UDP.headerByteCount + TrafficTemplate.tagByteCount
    unsafe headers = .allocate(byteCount: TrafficTemplate.headersByteCount, alignment: 64)
    unsafe headers.initializeMemory(
      as: UInt8.self, repeating: 0, count: TrafficTemplate.headersByteCount)
    let octets = TrafficTemplate.makeHeaders(network)
    unsafe headers.copyMemory(from: octets, byteCount: octets.count)
    var sum = Checksum()
    if network == .ipv4 {
      // What is filled in later counts as zero: the length and the checksum.
      for offset in [16, 17, 24, 25] {
        unsafe headers.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
      }
      unsafe sum.add(headers + 14, byteCount: 20)
    }
    headerSum = sum
    unsafe filler = .allocate(byteCount: TrafficTemplate.fillerByteCount, alignment: 64)
    for offset in stride(from: 0, to: TrafficTemplate.fillerByteCount, by: 8) {
      unsafe filler.storeBytes(
        of: TrafficTemplate.mix(UInt64(offset)), toByteOffset: offset, as: UInt64.self)
    }
  }

  deinit {
    unsafe headers.deallocate()
    unsafe filler.deallocate()
  }

  /// The headers of flow 0, without lengths and checksums.
  private static func makeHeaders(_ network: GeneratorPort.Plan.Network) -> [UInt8] {
    PacketBuilder.octets(capacity: headersByteCount) {
      $0.ethernet(
        source: MACAddress(0x02, 0, 0, 0, 0, 1), destination: MACAddress(0x02, 0, 0, 0, 0, 2))
      switch network {
      case .ipv4:
        $0.ipv4(source: IPv4Address(rawValue: 0), destination: IPv4Address(rawValue: 0))
      case .ipv6:
        $0.ipv6(
          source: IPv6Address(high: sourceNetwork, low: 0),
          destination: IPv6Address(high: destinationNetwork, low: 0))
      }
      $0.udp(source: 0, destination: 9)
    }
  }

  /// The octets behind the head of a packet, as they stand in every packet that is as long.
  func filler(byteCount: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      start: filler + headByteCount, count: max(byteCount - headByteCount, 0))
  }

  /// The sum of a packet's filler, for its UDP checksum.
  func fillerSum(byteCount: Int) -> Checksum {
    var sum = Checksum()
    let octets = unsafe filler(byteCount: byteCount)
    guard let start = octets.baseAddress, octets.count > 0 else { return sum }
    unsafe sum.add(start, byteCount: octets.count & ~1)
    // An odd octet is the upper half of a word, so that whole words may follow in the sum.
    if octets.count & 1 == 1, let last = unsafe octets.last { sum.add(UInt16(last) << 8) }
    return sum
  }

  /// One step of SplitMix64: spreads a number over a word.
  @inline(__always)
  static func mix(_ number: UInt64) -> UInt64 {
    var word = number &+ 0x9E37_79B9_7F4A_7C15
    word = (word ^ (word &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word &>> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word &>> 31)
  }
}

extension TrafficTemplate {
  /// Which packet it is.
  struct Tag: Equatable {
    /// The flow's number, from 0.
    var flow: UInt32
    /// The packet's place in its flow, from 0.
    var sequence: UInt64
    /// The packet's octets, Ethernet header included.
    var byteCount: Int

    /// What binds the three together.
    @inline(__always)
    var signature: UInt32 {
      let word = TrafficTemplate.mix(sequence ^ UInt64(flow) &<< 32 ^ UInt64(byteCount) &<< 17)
      return UInt32(truncatingIfNeeded: word)
    }
  }

  /// Writes everything in front of the filler.
  ///
  /// - Parameters:
  ///   - data: Room for 80 octets.
  ///   - tag: Which packet it is.
  ///   - fillerSum: What ``fillerSum(byteCount:)`` says of its length.
  @inline(__always)
  func writeHead(to data: UnsafeMutableRawPointer, _ tag: Tag, fillerSum: Checksum) {
    unsafe data.copyMemory(from: headers, byteCount: TrafficTemplate.headersByteCount)
    let udpByteCount = UInt16(truncatingIfNeeded: tag.byteCount &- transportOffset)
    var sum = fillerSum
    switch network {
    case .ipv4: unsafe writeIPv4(to: data, tag, udpByteCount, &sum)
    case .ipv6: unsafe writeIPv6(to: data, tag, udpByteCount, &sum)
    }
    let port = 1_024 &+ UInt16(truncatingIfNeeded: tag.flow % 60_000)
    let udp = unsafe data + transportOffset
    unsafe udp.store(port, 0)
    unsafe udp.store(udpByteCount, 4)
    unsafe udp.store(tag.flow, 8)
    unsafe udp.store(tag.sequence, 12)
    unsafe udp.store(tag.signature, 20)
    // The pseudo-header has the length and the protocol, the header its ports and the length again.
    sum.add(udpByteCount)
    sum.add(UInt16(17))
    sum.add(port)
    sum.add(UInt16(9))
    sum.add(udpByteCount)
    sum.add(tag.flow)
    sum.add(tag.sequence)
    sum.add(tag.signature)
    unsafe udp.store(sum.valueForUDP, 6)
  }

  @inline(__always)
  private func writeIPv4(
    to data: UnsafeMutableRawPointer, _ tag: Tag, _ udpByteCount: UInt16, _ sum: inout Checksum
  ) {
    let source = 0x0A00_0001 &+ (tag.flow & 0xFFFF)
    let destination = 0x0A80_0001 &+ (tag.flow &>> 4)
    unsafe data.store(udpByteCount &+ 20, 16)
    unsafe data.store(source, 26)
    unsafe data.store(destination, 30)
    sum.add(source)
    sum.add(destination)
    // Added up, not read back: what was just written in pieces is slow to load whole.
    var header = headerSum
    header.add(udpByteCount &+ 20)
    header.add(source)
    header.add(destination)
    unsafe data.store(header.value, 24)
  }

  @inline(__always)
  private func writeIPv6(
    to data: UnsafeMutableRawPointer, _ tag: Tag, _ udpByteCount: UInt16, _ sum: inout Checksum
  ) {
    let host = UInt64(tag.flow) &+ 1
    unsafe data.store(udpByteCount, 18)
    unsafe data.store(host, 30)
    unsafe data.store(host, 46)
    sum.add(TrafficTemplate.sourceNetwork)
    sum.add(host)
    sum.add(TrafficTemplate.destinationNetwork)
    sum.add(host)
  }
}

// Safe: every caller names an offset inside the 80 octets of a packet's head.
extension UnsafeMutableRawPointer {
  /// Writes a number in the order of the wire.
  @inline(__always)
  func store<Number: FixedWidthInteger & BitwiseCopyable>(
    _ number: Number, _ offset: Int
  ) {
    unsafe (self + offset).storeBytes(of: number.bigEndian, as: Number.self)
  }

  /// Reads a number in the order of the wire.
  @inline(__always)
  func number<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number {
    unsafe Number(bigEndian: (self + offset).loadUnaligned(as: Number.self))
  }
}
