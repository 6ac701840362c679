// SPDX-License-Identifier: Apache-2.0

import CLinux

// Pure functions from octets to ranges of octets. They take whatever they are given: a length that lies ends
// the walk, nothing traps, nothing is read outside the range. So they can be fuzzed with no kernel at hand.

/// Where a message lies in what was received.
struct NetlinkMessage {
  let type: UInt16
  let flags: UInt16
  let sequence: UInt32
  /// What follows the header, without padding.
  let payload: Range<Int>

  static let headerByteCount = 16
}

/// Where an attribute lies in what was received.
struct NetlinkAttribute {
  /// The kind without the bits that say how its payload is to be read.
  let kind: Int
  let payload: Range<Int>

  static let headerByteCount = 4
}

/// Walks messages, or the attributes of one, from front to back.
struct NetlinkCursor {
  private(set) var position: Int
  let end: Int

  /// Begins a walk of a part; what of it lies beyond the octets that will be given is ignored.
  init(_ range: Range<Int>) {
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next message, nil at the end or where a length does not fit.
  mutating func nextMessage(in bytes: borrowing RawSpan) -> NetlinkMessage? {
    let header = NetlinkMessage.headerByteCount
    guard let byteCount = length(UInt32.self, in: bytes, atLeast: header),
      let type = bytes.load(UInt16.self, at: position + 4),
      let flags = bytes.load(UInt16.self, at: position + 6),
      let sequence = bytes.load(UInt32.self, at: position + 8)
    else { return nil }
    let payload = position + header..<position + byteCount
    advance(by: byteCount)
    return NetlinkMessage(type: type, flags: flags, sequence: sequence, payload: payload)
  }

  /// The next attribute, nil at the end or where a length does not fit.
  mutating func nextAttribute(in bytes: borrowing RawSpan) -> NetlinkAttribute? {
    let header = NetlinkAttribute.headerByteCount
    guard let byteCount = length(UInt16.self, in: bytes, atLeast: header),
      let type = bytes.load(UInt16.self, at: position + 2)
    else { return nil }
    let payload = position + header..<position + byteCount
    advance(by: byteCount)
    // The two highest bits: NLA_F_NESTED and NLA_F_NET_BYTEORDER.
    return NetlinkAttribute(kind: Int(type & 0x3fff), payload: payload)
  }

  private func length<Length: FixedWidthInteger & BitwiseCopyable>(
    _: Length.Type, in bytes: borrowing RawSpan, atLeast header: Int
  ) -> Int? {
    guard let length = bytes.load(Length.self, at: position), let length = Int(exactly: length),
      length >= header, length <= end - position, length <= bytes.byteCount - position
    else { return nil }
    return length
  }

  private mutating func advance(by byteCount: Int) {
    position = min(position + byteCount.rounded(upTo: 4), end)
  }
}

extension RawSpan {
  /// A number at any offset; nil if it does not lie inside.
  func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value? {
    guard offset >= 0, offset <= byteCount - MemoryLayout<Value>.size else { return nil }
    // Safe: the range was checked, and every pattern of bits is an integer.
    return unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self)
  }

  /// The octets of a range, cut at this span's end.
  func octets(_ range: Range<Int>) -> [UInt8] {
    range.clamped(to: 0..<byteCount).compactMap { load(UInt8.self, at: $0) }
  }

  /// The text up to the first zero, or to the end of the range.
  func text(_ range: Range<Int>) -> String {
    String(decoding: octets(range).prefix { $0 != 0 }, as: UTF8.self)
  }
}
