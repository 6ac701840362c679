// SPDX-License-Identifier: Apache-2.0

import Wire

/// What a pcapng file holds, record by record.
struct Recording {
  struct Record {
    var interface: String
    var octets: [UInt8]
    var time: UInt64?
    var direction: CapturedPacket.Direction
    var originalByteCount: Int
    var packetID: UInt64?
    var verdicts: [UInt64]
    var comment: String
  }

  var records: [Record] = []
  /// What was counted at each interface.
  var statistics: [CaptureDetails] = []

  /// The records of how packets came in.
  var received: [Record] { records.filter { $0.direction == .received } }
  /// The records of how they left.
  var sent: [Record] { records.filter { $0.direction == .sent } }

  /// Reads a whole file, which must be sound.
  init(_ octets: [UInt8]) throws {
    var reader = CaptureReader()
    while true {
      let start = Int(reader.offset)
      let span = unsafe octets.span.bytes.extracting(start..<octets.count)
      switch try reader.next(span) {
      case .more:
        try reader.finish(span)
        return
      case .other: break
      case .statistics(let found, _): statistics.append(found.details(in: span))
      case .packet(let packet, _):
        let details = packet.details(in: span)
        records.append(
          Record(
            interface: reader.interfaces[packet.interface].name,
            octets: Array(
              octets[start...].dropFirst(packet.octets.lowerBound).prefix(packet.octets.count)),
            time: packet.time, direction: packet.direction,
            originalByteCount: packet.originalByteCount, packetID: details.packetID,
            verdicts: details.verdicts, comment: details.comments.joined(separator: "|")))
      }
    }
  }
}

/// Writes pcapng files for replays.
struct Capture {
  private(set) var octets: [UInt8]

  init(interfaces: [String] = ["eth0"]) {
    octets = PCAPNG.sectionHeader(application: "test")
    for name in interfaces { octets += PCAPNG.interface(name: name) }
  }

  /// Adds a packet; times are a millisecond apart.
  mutating func add(_ packet: [UInt8], interface: UInt32 = 0, original: Int? = nil) {
    count += 1
    var block = PCAPNG.Packet(
      interface: interface, time: 1_000_000_000_000 + count * 1_000_000, byteCount: packet.count)
    block.originalByteCount = original ?? packet.count
    var room = [UInt8](repeating: 0, count: block.byteCount)
    _ = unsafe room.withUnsafeMutableBytes { memory in
      unsafe block.write(into: memory) { target in
        unsafe packet.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
      }
    }
    octets += room
  }

  private var count: UInt64 = 0
}

/// A UDP packet of one of many flows.
func flowPacket(_ flow: Int, byteCount: Int = 60) -> [UInt8] {
  NumberedPacket(flow: UInt32(flow), place: 0).octets(byteCount: byteCount)
}
