// SPDX-License-Identifier: Apache-2.0

/// Why a capture file cannot be read further: what is wrong, and where in the file.
public struct CaptureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Equatable, Sendable {
    /// The first four octets are those of no capture; the number is how they read in network order.
    case notACapture(UInt32)
    /// The file's version is one that nobody defined.
    case version(major: UInt16, minor: UInt16)
    /// A section does not say in which order its numbers are written.
    case byteOrder(UInt32)
    /// A block claims a length that no block of its type has.
    case blockLength(UInt32)
    /// A block says one length at its beginning and another at its end.
    case lengthsDiffer(first: UInt32, last: UInt32)
    /// A packet claims more octets than there is room for.
    case packetLength(UInt32, room: UInt32)
    /// A packet names an interface that its section has not described.
    case noInterface(UInt32)
    /// A section describes more interfaces than this library keeps.
    case tooManyInterfaces
    /// An option of an interface reaches beyond its block.
    case optionLength(UInt16)
    /// The file ends in the middle of a header, record or block that needs so many octets.
    case truncated(needed: Int, left: Int)
  }

  /// What is wrong.
  public let reason: Reason
  /// Where the record or block begins that is wrong, in octets from the beginning of the file.
  public let offset: UInt64

  /// Says what is wrong where.
  public init(_ reason: Reason, at offset: UInt64) {
    self.reason = reason
    self.offset = offset
  }

  /// The offset and the reason as a sentence without its full stop.
  public var description: String { "offset \(offset): \(reason)" }
}

extension CaptureError.Reason: CustomStringConvertible {
  /// The reason as a sentence without its full stop.
  public var description: String {
    switch self {
    case .notACapture(let magic) where magic >> 16 == 0x1F8B:
      "this is compressed with gzip; unpack it first"
    case .notACapture(let magic) where magic == 0x28B5_2FFD:
      "this is compressed with zstd; unpack it first"
    case .notACapture: "this is neither pcap nor pcapng"
    case .version(let major, let minor): "version \(major).\(minor) is not known"
    case .byteOrder: "the section does not say its byte order"
    case .blockLength(let length): "a block claims \(length) octets"
    case .lengthsDiffer(let first, let last):
      "a block says \(first) octets at its beginning and \(last) at its end"
    case .packetLength(let length, let room):
      "a packet claims \(length) octets where there is room for \(room)"
    case .noInterface(let number): "a packet names interface \(number), which is not described"
    case .tooManyInterfaces: "more than \(CaptureReader.interfaceLimit) interfaces"
    case .optionLength(let length): "an option of an interface claims \(length) octets"
    case .truncated(let needed, let left):
      "the file ends here: \(needed) octets are needed and \(left) are left"
    }
  }
}
