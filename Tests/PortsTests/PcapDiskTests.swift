// SPDX-License-Identifier: Apache-2.0

import Ports
import Syscalls
import Testing
import Wire
import XDPFrame

/// Disks that are full: everything is counted, and nobody waits.
@Suite struct PcapDiskTests {
  /// /dev/full answers every write with ENOSPC.
  @Test func aFullDiskStopsThatPortAndNothingElse() throws {
    let fixture = try MemoryFixture()
    let folder = try CaptureFolder()
    let port = try makePort(fixture, "/dev/full")
    let other = try makePort(fixture, folder.file("out.pcapng"))
    try waitUntil { port.status.state == .down }
    #expect(port.status.reason == "write /dev/full: ENOSPC (No space left on device)")
    for round in 0..<10 {
      var bulk = try fixture.bulk(8)
      #expect(port.transmit(&bulk) == 0)
      #expect(unsafe bulk.descriptors[7].reason == DropReason.portDown.rawValue)
      #expect(other.transmit(&bulk) == 8)
      #expect(port.status.sendErrors == UInt64(8 * (round + 1)))
    }
    port.close()
    other.close()
    #expect(port.status.sent == 0)
    #expect(try Captured(folder.read("out.pcapng")).packets.count == 80)
    #expect(fixture.isWhole)
  }

  @Test func whatFitsIsWholeAndWhatDoesNotIsCounted() throws {
    let folder = try smallFolder()
    let fixture = try MemoryFixture()
    let port = try makePort(fixture, folder.file("out.pcapng"))
    let accepted = try fill(port, fixture)
    port.close()
    // Each packet is in the file, or counted.
    let written = try Captured(folder.read("out.pcapng"))
    #expect(written.packets.count > 100)
    #expect(UInt64(written.packets.count) == port.status.sent)
    #expect(port.status.sent < accepted)
    #expect(written.packets.allSatisfy { $0 == [UInt8](repeating: 7, count: 1_000) })
    #expect(fixture.isWhole)
  }

  @Test func aDiskThatHasRoomAgainIsWrittenOnWithNothingLostOfWhatWasTaken() throws {
    let folder = try smallFolder()
    _ = try folder.write([UInt8](repeating: 0, count: 300_000), to: "other")
    let fixture = try MemoryFixture()
    let port = try makePort(fixture, folder.file("out.pcapng"))
    let accepted = try fill(port, fixture)
    let refused = port.status.sendErrors
    #expect(refused > 0)
    _ = try folder.write([], to: "other")
    try waitUntil { port.status.state == .up }
    var bulk = FrameBulk()
    bulk.append(try fixture.frame(8, byteCount: 100))
    #expect(port.transmit(&bulk) == 1)
    port.close()
    #expect(port.status.sent == accepted + 1)
    let written = try Captured(folder.read("out.pcapng"))
    #expect(written.packets.count == Int(accepted) + 1)
    #expect(written.packets.last == [UInt8](repeating: 8, count: 100))
    // The packet behind the gap says how wide it is.
    #expect(written.details.last?.dropCount == refused)
    #expect(written.statistics.map(\.dropped) == [refused])
    #expect(fixture.isWhole)
  }

  private func makePort(_ fixture: MemoryFixture, _ path: String) throws -> PcapPort {
    try PcapPort(
      name: "out", registry: fixture.registry, model: fixture.pool, input: nil, output: path)
  }

  private func smallFolder() throws -> CaptureFolder {
    do {
      return try CaptureFolder(byteCount: 512 << 10)
    } catch is CaptureFolder.Refused {
      try Test.cancel("the kernel refused to mount a small file system")
    }
  }

  /// Sends until the disk is full and a packet was refused for it; answers how many were taken.
  private func fill(_ port: PcapPort, _ fixture: MemoryFixture) throws -> UInt64 {
    var accepted: UInt64 = 0
    try waitUntil {
      var bulk = FrameBulk()
      guard let frame = try? fixture.frame(7, byteCount: 1_000) else { return false }
      bulk.append(frame)
      let count = port.transmit(&bulk)
      accepted += UInt64(count)
      defer { bulk.recycle() }
      if count > 0 { return false }
      return unsafe bulk.descriptors[0].reason == DropReason.portDown.rawValue
    }
    return accepted
  }

  private func waitUntil(_ condition: () -> Bool) throws {
    let deadline = MonotonicClock.now + 30_000_000_000
    while !condition() {
      try #require(MonotonicClock.now < deadline, "Nothing has happened for 30 seconds.")
      Thread.sleep(for: .microseconds(50))
    }
  }
}
