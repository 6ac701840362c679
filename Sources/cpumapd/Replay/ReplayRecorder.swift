// SPDX-License-Identifier: Apache-2.0

import Control
import Ports
import Syscalls
import Wire
import XDPFrame

/// Writes what a replay does as pcapng.
///
/// Each port is an interface. Each packet has a record of how it came in, with its whole way in the comment, and one for
/// each frame of how that left; the records of one packet share a number.
struct ReplayRecorder: ~Copyable {
  private var file: CaptureOutput

  init(path: String, _ ports: [Configuration.Port]) throws(ReplayError) {
    var head = PCAPNG.sectionHeader(application: "cpumapd replay \(Release.version)")
    for port in ports { head += PCAPNG.interface(name: port.name, description: port.kindName) }
    file = try ReplayRecorder.open(path, beginningWith: head)
  }

  /// Makes the file; the descriptions of as many ports as a datapath can have fit into its buffer.
  private static func open(
    _ path: String, beginningWith head: [UInt8]
  ) throws(ReplayError) -> CaptureOutput {
    do throws(SystemCallError) {
      var file = try CaptureOutput(path: path)
      unsafe head.withUnsafeBytes { unsafe file.append($0) }
      return file
    } catch {
      throw ReplayError(error.description, status: .setUpFailed)
    }
  }

  /// Records a packet's way.
  mutating func record(
    _ packet: CapturedPacket, _ octets: UnsafeRawBufferPointer, _ way: ReplayWay
  ) throws(ReplayError) {
    var record = PCAPNG.Packet(
      interface: UInt32(way.lane), time: way.time, byteCount: octets.count)
    record.originalByteCount = packet.originalByteCount
    record.direction = .received
    record.packetID = way.packetID
    record.verdicts = way.stages.compactMap { $0.fate.verdict?.rawValue }
    record.comment = way.text
    try unsafe append(record, octets)
    for sent in way.sent {
      var record = PCAPNG.Packet(
        interface: UInt32(sent.lane), time: way.time, byteCount: sent.octets.count)
      record.direction = .sent
      record.packetID = way.packetID
      record.comment = way.stages[sent.stage].text
      // Safe: the array lives until the call returns.
      try unsafe sent.octets.withUnsafeBytes { octets in
        Result { () throws(ReplayError) in try unsafe append(record, octets) }
      }.get()
    }
  }

  /// Writes what was counted at each port, and everything that still waits.
  mutating func close(_ report: Report, at time: UInt64) throws(ReplayError) {
    for (number, port) in report.ports.enumerated() {
      var reasons = port.drop.elements.map { "\($0.reason) \($0.frames)" }
      if port.aborted > 0 { reasons.append("aborted \(port.aborted)") }
      try append(
        PCAPNG.statistics(
          interface: UInt32(number), time: time, received: port.rx,
          dropped: port.drop.total + port.aborted, comment: reasons.joined(separator: ", ")))
    }
    try flush()
  }

  private mutating func append(
    _ packet: PCAPNG.Packet, _ octets: UnsafeRawBufferPointer
  ) throws(ReplayError) {
    try makeRoom(for: packet.byteCount)
    unsafe file.append(byteCount: packet.byteCount) { memory in
      unsafe packet.write(into: memory) { unsafe $0.copyMemory(from: octets) }
    }
  }

  private mutating func append(_ blocks: [UInt8]) throws(ReplayError) {
    try makeRoom(for: blocks.count)
    unsafe blocks.withUnsafeBytes { unsafe file.append($0) }
  }

  private mutating func makeRoom(for byteCount: Int) throws(ReplayError) {
    if byteCount > file.room { try flush() }
  }

  /// Writes; where that fails the file is cut behind its last whole block, and the replay is over.
  private mutating func flush() throws(ReplayError) {
    do throws(SystemCallError) {
      try file.flush()
    } catch {
      _ = file.discard()
      throw ReplayError(error.description, status: .cannotWrite)
    }
  }
}
