// SPDX-License-Identifier: Apache-2.0

import EBPF
import Syscalls
import Wire

/// Files that a command reads whole.
enum ObjectFile {
  /// As much as a file may have.
  private static let maximumByteCount = 256 << 20

  /// Reads an object.
  static func read(_ path: String) throws -> Object { try Object(try octets(of: path)) }

  /// The packets of a capture file.
  static func packets(of path: String) throws -> [[UInt8]] {
    let octets = try octets(of: path)
    var reader = CaptureReader()
    var packets: [[UInt8]] = []
    while Int(reader.offset) < octets.count {
      let start = Int(reader.offset)
      let step = unsafe try reader.next(octets.span.bytes.extracting(start...))
      switch step {
      case .packet(let packet, _):
        packets.append(
          Array(octets[start + packet.octets.lowerBound..<start + packet.octets.upperBound]))
      case .more: throw Complaint("\(path): the file ends in the middle of a packet")
      case .other, .statistics: continue
      }
    }
    return packets
  }

  private static func octets(of path: String) throws -> [UInt8] {
    let file = try FileDescriptor(opening: path)
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while octets.count < maximumByteCount {
      // Safe: the buffer lives for the duration of the call.
      let count = unsafe try chunk.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
      guard let count, count > 0 else { return octets }
      octets += chunk[..<count]
    }
    throw Complaint("\(path): longer than \(maximumByteCount) octets")
  }
}

/// What is said on standard error.
struct Complaint: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// The octets that hex digits stand for, whatever white space is between them.
  static func octets(ofHex text: String) throws(Complaint) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }
    let values = digits.compactMap(\.hexDigitValue)
    guard values.count == digits.count, values.count % 2 == 0 else {
      throw Complaint("not whole octets in hex: \(text)")
    }
    return stride(from: 0, to: values.count, by: 2).map {
      UInt8(values[$0] << 4 | values[$0 + 1])
    }
  }
}
