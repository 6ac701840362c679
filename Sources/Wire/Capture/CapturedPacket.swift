// SPDX-License-Identifier: Apache-2.0

/// A packet of a capture file: where its octets stand, and what the file says about it.
public struct CapturedPacket: Equatable, Sendable {
  /// Which way a packet went.
  public enum Direction: UInt8, Sendable {
    /// The file does not say.
    case unknown = 0
    /// It was received.
    case received = 1
    /// It was sent.
    case sent = 2
  }

  /// Where its octets stand, counted from the first octet that the reader was shown.
  public let octets: Range<Int>
  /// The octets that the packet had when it was captured, which may be more than are kept.
  public let originalByteCount: Int
  /// Nanoseconds since 1970; nil where the file does not say.
  public let time: UInt64?
  /// The interface's place in ``CaptureReader/interfaces``.
  public let interface: Int
  /// Which way it went.
  public let direction: Direction
  /// The number that all records of one packet share, `epb_packetid`; nil where the file does not say.
  public let packetID: UInt64?
  /// Where its options stand.
  let options: CaptureOptions

  /// Whether this records how a packet left that another record shows, too.
  public func isDeparture(of other: CapturedPacket?) -> Bool {
    guard let packetID, direction == .sent else { return false }
    return packetID == other?.packetID
  }

  /// Whether a part of it was left out of the file.
  public var isCut: Bool { octets.count < originalByteCount }
}

/// What the options of a packet or of an interface's statistics say.
public struct CaptureDetails: Equatable, Sendable {
  /// What somebody wrote about it.
  public var comments: [String] = []
  /// The number that all records of one packet share, `epb_packetid`.
  public var packetID: UInt64?
  /// The queue of the interface, `epb_queue`.
  public var queue: UInt32?
  /// The packets lost in front of it, `epb_dropcount`.
  public var dropCount: UInt64?
  /// What XDP programs answered, in order, `epb_verdict`.
  public var verdicts: [UInt64] = []
  /// The packets that an interface received, `isb_ifrecv`.
  public var received: UInt64?
  /// The packets that an interface dropped, `isb_ifdrop`.
  public var dropped: UInt64?
  /// The packets that reached the user, `isb_usrdeliv`.
  public var delivered: UInt64?

  /// Details that say nothing.
  public init() {}
}

/// What a capture file says about an interface as a whole.
public struct CaptureStatistics: Equatable, Sendable {
  /// The interface's place in ``CaptureReader/interfaces``.
  public let interface: Int
  /// When they were taken, in nanoseconds since 1970.
  public let time: UInt64
  let options: CaptureOptions
}

/// Where the options of a block stand, and in which order their numbers are written.
struct CaptureOptions: Equatable, Sendable {
  var range: Range<Int>
  var order: CaptureOrder

  /// Calls `body` with the code and the value of each option, up to the first that makes no sense.
  ///
  /// - Returns: The length that an option claims beyond the end; nil where all is well.
  func forEach(in octets: RawSpan, _ body: (UInt16, Range<Int>) -> Void) -> UInt16? {
    var place = range.lowerBound
    while range.upperBound - place >= 4 {
      let code: UInt16 = order.number(octets, place)
      let length: UInt16 = order.number(octets, place + 2)
      if code == 0 { return nil }
      guard Int(length) <= range.upperBound - place - 4 else { return length }
      body(code, (place + 4)..<(place + 4 + Int(length)))
      place += 4 + (Int(length) + 3) & ~3
    }
    return nil
  }
}

/// In which order the numbers of a capture are written.
struct CaptureOrder: Equatable, Sendable {
  var isBigEndian: Bool

  /// The number that stands at `offset`.
  ///
  /// Safe: every caller has compared the offset with the length of the octets; if it were wrong, this would trap.
  @inline(__always)
  func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ octets: RawSpan, _ offset: Int
  ) -> Number {
    let value = unsafe octets.unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self)
    return isBigEndian ? Number(bigEndian: value) : Number(littleEndian: value)
  }
}

extension CapturedPacket {
  /// What the packet's options say; options that make no sense, and those behind them, are left out.
  ///
  /// - Parameter octets: What the reader was shown when it found the packet.
  /// - Returns: What was said.
  /// - Note: Allocates.
  public func details(in octets: RawSpan) -> CaptureDetails {
    options.details(in: octets) { $0.readPacket(octets, $1, $2, options.order) }
  }
}

extension CaptureStatistics {
  /// What the options of the statistics say.
  ///
  /// - Parameter octets: What the reader was shown when it found them.
  /// - Returns: What was said.
  /// - Note: Allocates.
  public func details(in octets: RawSpan) -> CaptureDetails {
    options.details(in: octets) { $0.readStatistics(octets, $1, $2, options.order) }
  }
}

extension CaptureOptions {
  /// Collects comments, and has `read` collect what else there is.
  fileprivate func details(
    in octets: RawSpan, _ read: (inout CaptureDetails, UInt16, Range<Int>) -> Void
  ) -> CaptureDetails {
    var details = CaptureDetails()
    _ = forEach(in: octets) { code, range in
      if code == 1 {
        details.comments.append(CaptureOptions.text(octets, range))
      } else {
        read(&details, code, range)
      }
    }
    return details
  }

  static func text(_ octets: RawSpan, _ range: Range<Int>) -> String {
    let part = octets.extracting(range)
    return String(
      decoding: (0..<part.byteCount).map {
        unsafe part.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
      }, as: UTF8.self)
  }
}

extension CaptureDetails {
  fileprivate mutating func readPacket(
    _ octets: RawSpan, _ code: UInt16, _ range: Range<Int>, _ order: CaptureOrder
  ) {
    let start = range.lowerBound
    switch (code, range.count) {
    case (4, 8): dropCount = order.number(octets, start)
    case (5, 8): packetID = order.number(octets, start)
    case (6, 4): queue = order.number(octets, start)
    case (7, 9) where unsafe octets.unsafeLoad(fromByteOffset: start, as: UInt8.self) == 2:
      verdicts.append(order.number(octets, start + 1))
    default: break
    }
  }

  fileprivate mutating func readStatistics(
    _ octets: RawSpan, _ code: UInt16, _ range: Range<Int>, _ order: CaptureOrder
  ) {
    guard range.count == 8 else { return }
    let value: UInt64 = order.number(octets, range.lowerBound)
    switch code {
    case 4: received = value
    case 5: dropped = value
    case 8: delivered = value
    default: break
    }
  }
}
