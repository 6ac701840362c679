// SPDX-License-Identifier: Apache-2.0

// The newer format: blocks that say their type and, at both ends, their length.
//
//      0 type u32 │ 4 length u32 │ 8 body, options, filled up to 4 octets │ length u32
extension CaptureReader {
  static let sectionHeader: UInt32 = 0x0A0D_0D0A
  private static let byteOrderMagic: UInt32 = 0x1A2B_3C4D

  /// The blocks that are looked into, by type.
  private enum Block: UInt32 {
    case interface = 1
    case obsoletePacket = 2
    case simplePacket = 3
    case statistics = 5
    case packet = 6

    /// The octets of the smallest one.
    var leastByteCount: Int {
      switch self {
      case .interface: 20
      case .obsoletePacket, .packet: 32
      case .simplePacket: 16
      case .statistics: 24
      }
    }
  }

  /// Reads a section's header, which says the byte order of everything up to the next.
  mutating func section(_ octets: RawSpan) throws(CaptureError) -> Step {
    guard octets.byteCount >= 12 else { return .more(byteCount: 12) }
    let network = CaptureOrder(isBigEndian: true)
    let magic: UInt32 = network.number(octets, 8)
    guard magic == CaptureReader.byteOrderMagic || magic == CaptureReader.byteOrderMagic.byteSwapped
    else { throw error(.byteOrder(magic)) }
    let order = CaptureOrder(isBigEndian: magic == CaptureReader.byteOrderMagic)
    let byteCount = try length(octets, order, least: 28)
    guard octets.byteCount >= byteCount else { return .more(byteCount: byteCount) }
    try checkEnd(octets, order, byteCount)
    let major: UInt16 = order.number(octets, 12)
    guard major == 1 else {
      throw error(.version(major: major, minor: order.number(octets, 14)))
    }
    format = .pcapng(order)
    interfaces = []
    return .other(byteCount: byteCount)
  }

  mutating func block(_ octets: RawSpan, _ order: CaptureOrder) throws(CaptureError) -> Step {
    guard octets.byteCount >= 8 else { return .more(byteCount: 8) }
    let type: UInt32 = order.number(octets, 0)
    // The type of a section reads the same in both orders.
    if type == CaptureReader.sectionHeader { return try section(octets) }
    let block = Block(rawValue: type)
    let byteCount = try length(octets, order, least: block?.leastByteCount ?? 12)
    guard octets.byteCount >= byteCount else { return .more(byteCount: byteCount) }
    try checkEnd(octets, order, byteCount)
    let body = octets.extracting(0..<(byteCount - 4))
    switch block {
    case .interface:
      try describeInterface(body, order)
      return .other(byteCount: byteCount)
    case .packet: return .packet(try packet(body, order, isObsolete: false), byteCount: byteCount)
    case .obsoletePacket:
      return .packet(try packet(body, order, isObsolete: true), byteCount: byteCount)
    case .simplePacket: return .packet(try simplePacket(body, order), byteCount: byteCount)
    case .statistics: return .statistics(try statistics(body, order), byteCount: byteCount)
    case nil: return .other(byteCount: byteCount)
    }
  }

  /// The length that a block claims, if a block may have it.
  private func length(
    _ octets: RawSpan, _ order: CaptureOrder, least: Int
  ) throws(CaptureError) -> Int {
    let length: UInt32 = order.number(octets, 4)
    guard length >= least, length <= CaptureReader.blockLimit, length % 4 == 0 else {
      throw error(.blockLength(length))
    }
    return Int(length)
  }

  private func checkEnd(
    _ octets: RawSpan, _ order: CaptureOrder, _ byteCount: Int
  ) throws(CaptureError) {
    let last: UInt32 = order.number(octets, byteCount - 4)
    guard last == byteCount else {
      throw error(.lengthsDiffer(first: UInt32(byteCount), last: last))
    }
  }
}

// MARK: - Bodies

// Each is shown its block without the length at the end, and knows that it has the octets that are always there.
extension CaptureReader {
  private mutating func describeInterface(
    _ body: RawSpan, _ order: CaptureOrder
  ) throws(CaptureError) {
    guard interfaces.count < CaptureReader.interfaceLimit else { throw error(.tooManyInterfaces) }
    var interface = CaptureInterface(
      linkType: order.number(body, 8), snapByteCount: order.number(body, 12))
    let options = CaptureOptions(range: 16..<body.byteCount, order: order)
    let wrong = options.forEach(in: body) { code, range in
      switch (code, range.count) {
      case (2, _): interface.name = CaptureOptions.text(body, range)
      case (9, 1):
        let octet: UInt8 = order.number(body, range.lowerBound)
        interface.resolution = CaptureResolution(rawValue: octet)
      case (14, 8): interface.offsetSeconds = order.number(body, range.lowerBound)
      default: break
      }
    }
    if let wrong { throw error(.optionLength(wrong)) }
    interfaces.append(interface)
  }

  private func packet(
    _ body: RawSpan, _ order: CaptureOrder, isObsolete: Bool
  ) throws(CaptureError) -> CapturedPacket {
    let short: UInt16 = order.number(body, 8)
    let number: UInt32 = isObsolete ? UInt32(short) : order.number(body, 8)
    guard number < interfaces.count else { throw error(.noInterface(number)) }
    let high: UInt32 = order.number(body, 12)
    let low: UInt32 = order.number(body, 16)
    let captured: UInt32 = order.number(body, 20)
    let original: UInt32 = order.number(body, 24)
    let octets = try packetOctets(body, from: 28, captured)
    let options = CaptureOptions(range: behind(octets, in: body), order: order)
    let (direction, packetID) = marks(body, options)
    return CapturedPacket(
      octets: octets, originalByteCount: Int(original),
      time: interfaces[Int(number)].time(UInt64(high) << 32 | UInt64(low)),
      interface: Int(number), direction: direction, packetID: packetID, options: options)
  }

  private func simplePacket(
    _ body: RawSpan, _ order: CaptureOrder
  ) throws(CaptureError) -> CapturedPacket {
    guard let interface = interfaces.first else { throw error(.noInterface(0)) }
    let original: UInt32 = order.number(body, 8)
    let limit = interface.snapByteCount
    let octets = try packetOctets(body, from: 12, limit == 0 ? original : min(original, limit))
    return CapturedPacket(
      octets: octets, originalByteCount: Int(original), time: nil, interface: 0,
      direction: .unknown, packetID: nil, options: CaptureOptions(range: 0..<0, order: order))
  }

  private func statistics(
    _ body: RawSpan, _ order: CaptureOrder
  ) throws(CaptureError) -> CaptureStatistics {
    let number: UInt32 = order.number(body, 8)
    guard number < interfaces.count else { throw error(.noInterface(number)) }
    let high: UInt32 = order.number(body, 12)
    let low: UInt32 = order.number(body, 16)
    return CaptureStatistics(
      interface: Int(number),
      time: interfaces[Int(number)].time(UInt64(high) << 32 | UInt64(low)),
      options: CaptureOptions(range: 20..<body.byteCount, order: order))
  }

  private func packetOctets(
    _ body: RawSpan, from start: Int, _ byteCount: UInt32
  ) throws(CaptureError) -> Range<Int> {
    let room = min(body.byteCount - start, CaptureReader.packetLimit)
    guard byteCount <= room else { throw error(.packetLength(byteCount, room: UInt32(room))) }
    return start..<(start + Int(byteCount))
  }

  /// The options behind a packet, which is filled up to a multiple of 4 octets.
  private func behind(_ octets: Range<Int>, in body: RawSpan) -> Range<Int> {
    min((octets.upperBound + 3) & ~3, body.byteCount)..<body.byteCount
  }

  /// The options `epb_flags` and `epb_packetid`; options that make no sense say nothing.
  private func marks(
    _ body: RawSpan, _ options: CaptureOptions
  ) -> (CapturedPacket.Direction, packetID: UInt64?) {
    var direction = CapturedPacket.Direction.unknown
    var packetID: UInt64?
    _ = options.forEach(in: body) { code, range in
      switch (code, range.count) {
      case (2, 4):
        let flags: UInt32 = options.order.number(body, range.lowerBound)
        direction = CapturedPacket.Direction(rawValue: UInt8(flags & 3)) ?? .unknown
      case (5, 8): packetID = options.order.number(body, range.lowerBound)
      default: break
      }
    }
    return (direction, packetID)
  }
}
