// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import Syscalls
public import Wire

/// A capture file that is being read, packet by packet: pcap or pcapng, of Ethernet.
///
/// Holds one block of the file in memory, whatever the file's length. One thread at a time.
@safe
public struct CaptureFile: ~Copyable {
  /// Where the file is.
  public let path: String
  /// The file's length in octets; nil for a pipe.
  public let byteCount: UInt64?
  private let descriptor: FileDescriptor
  private var reader = CaptureReader()
  // Safe: `capacity` octets of this value; those of the file that are at hand lie in `start..<end`.
  private var memory: UnsafeMutableRawPointer
  private var capacity = CaptureFile.leastCapacity
  private var start = 0
  private var end = 0
  private var isAtEnd = false
  /// Where the packet begins that was answered last.
  private var current = 0

  private static let leastCapacity = 1 << 18

  /// Opens a file.
  ///
  /// - Throws: ``CaptureFileError/unreadable(_:)``.
  public init(path: String) throws(CaptureFileError) {
    do throws(SystemCallError) {
      descriptor = try FileDescriptor(opening: path)
    } catch {
      throw .unreadable(error)
    }
    self.path = path
    let length = lseek(descriptor.raw, 0, SEEK_END)
    byteCount = length < 0 ? nil : UInt64(length)
    _ = lseek(descriptor.raw, 0, SEEK_SET)
    unsafe memory = .allocate(byteCount: CaptureFile.leastCapacity, alignment: 16)
  }

  deinit {
    unsafe memory.deallocate()
  }

  /// How much of the file was read, in octets.
  public var offset: UInt64 { reader.offset }

  /// The interface that a packet was captured at.
  ///
  /// - Precondition: The packet is the one that ``next()`` answered last.
  public func interface(of packet: CapturedPacket) -> CaptureInterface {
    reader.interfaces[packet.interface]
  }

  /// Goes on to the next packet.
  ///
  /// - Returns: nil at the end of the file.
  /// - Throws: ``CaptureFileError``; what came before it was complete, and there is nothing behind it.
  public mutating func next() throws(CaptureFileError) -> CapturedPacket? {
    while true {
      switch try step() {
      case .other(let byteCount), .statistics(_, let byteCount): start += byteCount
      case .more(let byteCount):
        if isAtEnd { return nil }
        try fill(byteCount)
      case .packet(let packet, let byteCount):
        let linkType = reader.interfaces[packet.interface].linkType
        guard linkType == CaptureInterface.ethernet else {
          throw .notEthernet(path, linkType: linkType)
        }
        current = start
        start += byteCount
        return packet
      }
    }
  }

  private mutating func step() throws(CaptureFileError) -> CaptureReader.Step {
    let octets = unsafe UnsafeRawBufferPointer(start: memory + start, count: end - start)
    do throws(CaptureError) {
      let step = try unsafe reader.next(octets.bytes)
      if case .more = step, isAtEnd { try unsafe reader.finish(octets.bytes) }
      return step
    } catch {
      throw .malformed(path, error)
    }
  }

  /// Reads on until so many octets are at hand, or the file ends.
  private mutating func fill(_ needed: Int) throws(CaptureFileError) {
    makeRoom(for: needed)
    while end - start < needed, !isAtEnd {
      let room = unsafe UnsafeMutableRawBufferPointer(start: memory + end, count: capacity - end)
      do throws(SystemCallError) {
        let count = try unsafe descriptor.read(into: room) ?? 0
        end += count
        isAtEnd = count == 0
      } catch {
        throw .unreadable(error)
      }
    }
  }

  /// Moves what is at hand to the front of memory that can hold what is needed.
  private mutating func makeRoom(for needed: Int) {
    guard needed > capacity - start else { return }
    let old = unsafe memory
    if needed > capacity {
      capacity = max(needed, 2 * capacity)
      unsafe memory = .allocate(byteCount: capacity, alignment: 16)
    }
    unsafe memmove(memory, old + start, end - start)
    if unsafe memory != old { unsafe old.deallocate() }
    end -= start
    start = 0
  }

  /// Begins again at the first packet.
  ///
  /// - Throws: ``CaptureFileError/unreadable(_:)`` where that cannot be done, as in a pipe.
  public mutating func rewind() throws(CaptureFileError) {
    guard lseek(descriptor.raw, 0, SEEK_SET) == 0 else {
      throw .unreadable(SystemCallError("lseek", path, errno: .current))
    }
    reader = CaptureReader()
    (start, end, isAtEnd) = (0, 0, false)
  }

  /// Shows the octets of a packet.
  ///
  /// - Precondition: The packet is the one that ``next()`` answered last.
  public func withOctets<Result>(
    of packet: CapturedPacket, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    precondition(packet.octets.upperBound <= end - current, "Only the last packet is at hand.")
    // Safe: that is in memory, and nothing has moved since the reader found the packet.
    return unsafe body(
      UnsafeRawBufferPointer(
        start: memory + current + packet.octets.lowerBound, count: packet.octets.count))
  }
}

/// Why a capture file cannot be read, or not further.
public enum CaptureFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kernel does not let us read it.
  case unreadable(SystemCallError)
  /// It is no capture, or a damaged one.
  case malformed(String, CaptureError)
  /// A packet in it does not begin with an Ethernet header; the number is a `LINKTYPE_`.
  case notEthernet(String, linkType: UInt16)

  /// What is wrong with which file.
  public var description: String {
    switch self {
    case .unreadable(let error): error.description
    case .malformed(let path, let error): "\(path): \(error)"
    case .notEthernet(let path, let linkType):
      "\(path): its packets have link type \(linkType); only Ethernet, 1, can be received"
    }
  }
}
