// SPDX-License-Identifier: Apache-2.0

/// Reads capture files, pcap and pcapng, of either byte order.
///
/// A pure function of the octets it is shown: whoever reads the file shows it what comes next, as much as is at hand,
/// and it answers what stands there, or how much more it needs to see.
///
///     file ──▶ octets at hand ──▶ next(_:) ──▶ packet, statistics, something else, or more
///
/// Nothing is copied and nothing is believed: no octets make it trap, and lengths are checked before they are used.
/// One thread at a time.
///
/// Source: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng; limits are those of libpcap and Wireshark.
public struct CaptureReader: Sendable {
  /// The most octets of one packet that are believed, libpcap's `MAXIMUM_SNAPLEN`.
  public static let packetLimit = 262_144
  /// The most octets of one block that are believed, as many as Wireshark does.
  public static let blockLimit = 16 << 20
  /// The most interfaces of one section.
  public static let interfaceLimit = 4_096

  /// Where in the file the octets stand that ``next(_:)`` must be shown.
  public private(set) var offset: UInt64 = 0
  /// The interfaces that the current section has described so far; one for a pcap file.
  public internal(set) var interfaces: [CaptureInterface] = []
  var format = Format.unknown

  /// Which of the formats the file has.
  enum Format: Equatable, Sendable {
    /// Nothing was read yet.
    case unknown
    case pcap(CaptureOrder)
    case pcapng(CaptureOrder)
  }

  /// What stands next in the file.
  public enum Step: Equatable, Sendable {
    /// At least so many octets must be in view.
    case more(byteCount: Int)
    /// Something that carries no packet, so many octets long.
    case other(byteCount: Int)
    /// A packet, in a record or block of so many octets.
    case packet(CapturedPacket, byteCount: Int)
    /// What was counted at an interface, in a block of so many octets.
    case statistics(CaptureStatistics, byteCount: Int)

    /// The octets that were read, and that are not to be shown again.
    public var byteCount: Int {
      switch self {
      case .more: 0
      case .other(let byteCount), .packet(_, let byteCount), .statistics(_, let byteCount):
        byteCount
      }
    }
  }

  /// Begins a file.
  public init() {}

  /// Says what stands at ``offset``, and moves that behind it.
  ///
  /// - Parameter octets: The file from ``offset`` on, as far as it is at hand.
  /// - Returns: What stands there; its places are counted from the first of `octets`.
  /// - Throws: ``CaptureError``; the reader cannot go on then.
  /// - Note: Allocates when a section describes an interface, never for a packet.
  public mutating func next(_ octets: RawSpan) throws(CaptureError) -> Step {
    let step =
      switch format {
      case .unknown: try begin(octets)
      case .pcap(let order): try record(octets, order)
      case .pcapng(let order): try block(octets, order)
      }
    offset += UInt64(step.byteCount)
    return step
  }

  /// Checks that the file may end here.
  ///
  /// - Parameter octets: What is left of it.
  /// - Throws: ``CaptureError`` where something begins here and does not end, or where the file has not even begun.
  public func finish(_ octets: RawSpan) throws(CaptureError) {
    guard octets.byteCount > 0 || format == .unknown else { return }
    var rest = self
    let left = octets.byteCount
    // What is complete was to be read before; what is not says how much it would need.
    guard case .more(let needed) = try rest.next(octets) else { return }
    throw CaptureError(.truncated(needed: needed, left: left), at: offset)
  }

  func error(_ reason: CaptureError.Reason) -> CaptureError { CaptureError(reason, at: offset) }
}

// MARK: - The beginning, and the older format

extension CaptureReader {
  private static let pcapHeader = 24
  private static let pcapRecord = 16

  /// Reads the first header.
  private mutating func begin(_ octets: RawSpan) throws(CaptureError) -> Step {
    guard octets.byteCount >= 4 else { return .more(byteCount: 4) }
    let network = CaptureOrder(isBigEndian: true)
    let magic: UInt32 = network.number(octets, 0)
    switch magic {
    case 0xA1B2_C3D4: return try header(octets, network, .microseconds)
    case 0xA1B2_3C4D: return try header(octets, network, .nanoseconds)
    case 0xD4C3_B2A1:
      return try header(octets, CaptureOrder(isBigEndian: false), .microseconds)
    case 0x4D3C_B2A1:
      return try header(octets, CaptureOrder(isBigEndian: false), .nanoseconds)
    case CaptureReader.sectionHeader: return try section(octets)
    default: throw error(.notACapture(magic))
    }
  }

  private mutating func header(
    _ octets: RawSpan, _ order: CaptureOrder, _ resolution: CaptureResolution
  ) throws(CaptureError) -> Step {
    guard octets.byteCount >= CaptureReader.pcapHeader else {
      return .more(byteCount: CaptureReader.pcapHeader)
    }
    let major: UInt16 = order.number(octets, 4)
    let minor: UInt16 = order.number(octets, 6)
    // Older files have the two lengths of a record the other way round.
    guard major == 2, minor >= 3 else { throw error(.version(major: major, minor: minor)) }
    let link: UInt32 = order.number(octets, 20)
    interfaces = [
      CaptureInterface(
        // The upper bits say whether there is a check sequence behind the packet.
        linkType: UInt16(truncatingIfNeeded: link), snapByteCount: order.number(octets, 16),
        resolution: resolution)
    ]
    format = .pcap(order)
    return .other(byteCount: CaptureReader.pcapHeader)
  }

  private func record(_ octets: RawSpan, _ order: CaptureOrder) throws(CaptureError) -> Step {
    let header = CaptureReader.pcapRecord
    guard octets.byteCount >= header else { return .more(byteCount: header) }
    let seconds: UInt32 = order.number(octets, 0)
    let fraction: UInt32 = order.number(octets, 4)
    let captured: UInt32 = order.number(octets, 8)
    let original: UInt32 = order.number(octets, 12)
    guard captured <= CaptureReader.packetLimit else {
      throw error(.packetLength(captured, room: UInt32(CaptureReader.packetLimit)))
    }
    let byteCount = header + Int(captured)
    guard octets.byteCount >= byteCount else { return .more(byteCount: byteCount) }
    // The second is that of 1970 plus 32 bits, so the sum fits.
    let unit = interfaces.first?.resolution ?? .microseconds
    let time = UInt64(seconds) * 1_000_000_000 + unit.nanoseconds(UInt64(fraction))
    let packet = CapturedPacket(
      octets: header..<byteCount, originalByteCount: Int(original), time: time, interface: 0,
      direction: .unknown, packetID: nil, options: CaptureOptions(range: 0..<0, order: order))
    return .packet(packet, byteCount: byteCount)
  }
}
