// SPDX-License-Identifier: Apache-2.0

import MemModels
import Ports
import Synchronization
import Syscalls
import Testing
import Wire
import XDPFrame

/// Several threads send into one capture file at once.
@Suite struct PcapStressTests {
  private static let perThread = 3_000

  /// What was taken is in the file, once, whole, and in the order of its thread; the rest was refused and counted.
  @Test func everyFrameIsWrittenOrRefused() throws {
    let folder = try CaptureFolder()
    let fixture = try MemoryFixture()
    let registry = fixture.registry
    let port = try PcapPort(
      name: "out", registry: registry, model: fixture.pool, input: nil,
      output: folder.file("out.pcapng"))
    let threads = try (0..<3 as Range<UInt8>).map { writer in
      try RunningThread(name: "writer") {
        guard let pool = try? PagePool(registry: registry, pageCount: 512) else { return }
        Self.send(from: pool, to: port, writer)
        while pool.destroy() != nil { Thread.yield() }
      }
    }
    for thread in threads { thread.join() }
    port.close()
    let status = port.status
    #expect(status.sent + status.sendErrors == UInt64(3 * Self.perThread))
    let written = try Captured(folder.read("out.pcapng"))
    #expect(UInt64(written.packets.count) == status.sent)
    #expect(written.statistics.map(\.dropped) == [status.sendErrors])
    var last = [-1, -1, -1]
    for packet in written.packets {
      let (writer, number) = (Int(packet[0]), Int(packet[1]) << 8 | Int(packet[2]))
      #expect(number > last[writer])
      #expect(packet == Self.packet(UInt8(writer), number))
      last[writer] = number
    }
    #expect(fixture.isWhole)
  }

  private static func send(from pool: PagePool, to port: PcapPort, _ writer: UInt8) {
    var bulk = FrameBulk()
    for number in 0..<perThread {
      guard let frame = Frame(octets: packet(writer, number), from: pool) else {
        Issue.record("The pool is empty.")
        return
      }
      bulk.append(frame)
      guard bulk.count == 16 || number == perThread - 1 else { continue }
      _ = port.transmit(&bulk)
      bulk.recycle()
    }
  }

  private static func packet(_ writer: UInt8, _ number: Int) -> [UInt8] {
    [writer, UInt8(number >> 8), UInt8(number & 0xFF)]
      + [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 60 + number % 5_000)
  }
}
