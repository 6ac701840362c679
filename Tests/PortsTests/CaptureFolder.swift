// SPDX-License-Identifier: Apache-2.0

import CLinux
import Testing
import Wire

/// A folder for capture files that goes when this value does; in memory of its own where it must be small.
final class CaptureFolder {
  let path: String
  private let isMounted: Bool

  /// - Parameter byteCount: What fits into it; nil for what fits into /tmp. Anything else needs root.
  /// - Throws: ``Refused`` without it.
  init(byteCount: Int? = nil) throws {
    var template = Array("/tmp/xdpframe-pcap-XXXXXX".utf8CString)
    let made = unsafe mkdtemp(&template) != nil
    try #require(made)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    isMounted = byteCount != nil
    guard let byteCount else { return }
    guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(byteCount)") == 0 else {
      throw Refused()
    }
  }

  /// The kernel does not let us mount.
  struct Refused: Error {}

  deinit {
    for name in ["in.pcap", "out.pcapng", "other"] { unsafe unlink(file(name)) }
    // A child that another test starts at this moment may hold the files open until it runs its program.
    if isMounted { unsafe umount2(path, Int32(MNT_DETACH)) }
    unsafe rmdir(path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file; answers where.
  func write(_ octets: [UInt8], to name: String = "in.pcap") throws -> String {
    let output = unsafe try #require(unsafe fopen(file(name), "w"))
    unsafe fwrite(octets, 1, octets.count, output)
    unsafe fclose(output)
    return file(name)
  }

  func read(_ name: String) throws -> [UInt8] {
    let input = unsafe try #require(unsafe fopen(file(name), "r"))
    defer { unsafe fclose(input) }
    var octets: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe fread(&room, 1, room.count, input)
      if count == 0 { return octets }
      octets += room[..<count]
    }
  }
}

/// A pcapng file with packets, written a second apart from 2001 on.
func capture(
  _ packets: [[UInt8]], packetID: UInt64? = nil,
  direction: CapturedPacket.Direction = .unknown, name: String = "eth0"
) -> [UInt8] {
  var file = PCAPNG.sectionHeader(application: "test") + PCAPNG.interface(name: name)
  for (number, octets) in packets.enumerated() {
    var packet = PCAPNG.Packet(
      interface: 0, time: UInt64(978_307_200 + number) * 1_000_000_000, byteCount: octets.count)
    packet.packetID = packetID
    packet.direction = direction
    var block = [UInt8](repeating: 0, count: packet.byteCount)
    _ = unsafe block.withUnsafeMutableBytes { memory in
      unsafe packet.write(into: memory) { target in
        unsafe octets.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
      }
    }
    file += block
  }
  return file
}

/// What a capture file holds.
struct Captured: Equatable {
  var packets: [[UInt8]] = []
  var details: [CaptureDetails] = []
  var directions: [CapturedPacket.Direction] = []
  var statistics: [CaptureDetails] = []
  var names: [String] = []

  /// Reads a whole file, which must be sound.
  init(_ octets: [UInt8]) throws {
    var reader = CaptureReader()
    while true {
      let start = Int(reader.offset)
      let span = unsafe octets.span.bytes.extracting(start..<octets.count)
      switch try reader.next(span) {
      case .more:
        try reader.finish(span)
        names = reader.interfaces.map(\.name)
        return
      case .other: break
      case .statistics(let found, _): statistics.append(found.details(in: span))
      case .packet(let packet, _):
        packets.append(
          Array(octets[start...].dropFirst(packet.octets.lowerBound).prefix(packet.octets.count)))
        details.append(packet.details(in: span))
        directions.append(packet.direction)
      }
    }
  }
}
