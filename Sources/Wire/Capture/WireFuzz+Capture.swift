// SPDX-License-Identifier: Apache-2.0

extension WireFuzz {
  /// Reads the octets as a capture file, at once and bit by bit, which must come to the same.
  public static func capture(_ file: RawSpan) {
    let whole = CaptureSummary(reading: file) { _, left in left }
    let pieces = CaptureSummary(reading: file) { needed, left in min(needed, left) }
    precondition(whole == pieces, "What a file holds does not depend on how it is read.")
  }

  /// Writes the octets as a packet, with what else they can be taken for, and reads it back.
  public static func captured(_ octets: RawSpan) {
    let seed = octets.byteCount
    var packet = PCAPNG.Packet(interface: 0, time: UInt64(seed) &* 977, byteCount: seed)
    packet.direction = CapturedPacket.Direction(rawValue: UInt8(seed % 3)) ?? .unknown
    packet.packetID = seed & 1 == 0 ? nil : UInt64(seed)
    packet.queue = seed & 2 == 0 ? nil : UInt32(seed)
    packet.dropCount = UInt64(seed & 4)
    packet.verdicts = (0..<UInt32(seed & 3)).map { $0 }
    packet.comment = String(repeating: "c", count: seed & 15)
    let head = PCAPNG.sectionHeader(application: "fuzz") + PCAPNG.interface(name: "f")
    var file = head + [UInt8](repeating: 0, count: packet.byteCount)
    unsafe file.withUnsafeMutableBytes { memory in
      let room = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[head.count...])
      unsafe packet.write(into: room) { target in
        unsafe octets.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
      }
    }
    var details = CaptureDetails()
    details.comments = packet.comment.isEmpty ? [] : [packet.comment]
    details.packetID = packet.packetID
    details.queue = packet.queue
    details.dropCount = packet.dropCount == 0 ? nil : packet.dropCount
    details.verdicts = packet.verdicts.map { UInt64($0) }
    let summary = CaptureSummary(reading: unsafe file.span.bytes) { _, left in left }
    precondition(summary.error == nil, "What was written can be read.")
    precondition(summary.packets.map(\.details) == [details], "What was written is read.")
    precondition(summary.packets.map(\.time) == [packet.time], "A time reads as it was written.")
    precondition(summary.packets.map(\.byteCount) == [seed], "A packet keeps its length.")
  }
}

/// What a reader found in a file.
private struct CaptureSummary: Equatable {
  struct Packet: Equatable {
    var byteCount: Int
    var time: UInt64?
    var direction: CapturedPacket.Direction
    var details: CaptureDetails
    var firstOctet: UInt8?
  }

  var packets: [Packet] = []
  var interfaceCount = 0
  var statisticsCount = 0
  var error: CaptureError?

  /// Reads a file, of which `view` says how much is shown at a time.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - view: Told how much is needed and how much is left, says how much to show.
  init(reading file: RawSpan, _ view: (Int, Int) -> Int) {
    var reader = CaptureReader()
    do throws(CaptureError) {
      var needed = 1
      while true {
        let start = Int(reader.offset)
        let left = file.byteCount - start
        let rest = file.extracting(start..<(start + view(needed, left)))
        let step = try reader.next(rest)
        if case .more(let more) = step {
          precondition(more > rest.byteCount, "What is asked for is not there yet.")
          if more > left {
            try reader.finish(file.extracting(start..<file.byteCount))
            break
          }
          needed = more
          continue
        }
        precondition(step.byteCount > 0, "Reading comes to an end.")
        note(step, in: rest)
        needed = 1
      }
    } catch {
      self.error = error
    }
    interfaceCount = reader.interfaces.count
  }

  private mutating func note(_ step: CaptureReader.Step, in octets: RawSpan) {
    switch step {
    case .more, .other: break
    case .statistics(let statistics, _):
      _ = statistics.details(in: octets)
      statisticsCount += 1
    case .packet(let packet, let byteCount):
      precondition(packet.octets.upperBound <= byteCount, "A packet lies within its record.")
      let part = octets.extracting(packet.octets)
      packets.append(
        Packet(
          byteCount: part.byteCount, time: packet.time, direction: packet.direction,
          details: packet.details(in: octets),
          firstOctet: part.byteCount == 0
            ? nil : unsafe part.unsafeLoad(fromByteOffset: 0, as: UInt8.self)))
    }
  }
}
