// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Testing
import XDPFrame

@Suite struct SegmentationTests {
  let registry: MemoryRegistry
  let pool: PagePool
  let tcp = Segmentation(
    kind: .tcpIPv4, segmentByteCount: 1_448, checksumStart: 34, checksumOffset: 16)

  init() throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: 32)
  }

  private func packet(byteCount: Int) throws -> Buff {
    guard var packet = Buff(byteCount: byteCount, from: pool) else { throw Missing.page }
    packet.markSegmented(tcp)
    return packet
  }

  private enum Missing: Error { case page }

  @Test(arguments: [2_000, 60_000])
  func itStaysWithThePacketWhileThatRests(byteCount: Int) throws {
    guard let frame = Frame(try packet(byteCount: byteCount)) else { throw Missing.page }
    #expect(frame.descriptor.segmentation == tcp)
    let again = Buff(frame)
    #expect(again.segmentation == tcp)
    #expect(again.fragmentCount == (byteCount > 4_000 ? 14 : 0))
    again.recycle(.programDrop)
    #expect(pool.destroy() == nil)
  }

  @Test func theChecksumStaysWhereItIsWhenThePacketBeginsElsewhere() throws {
    var packet = try packet(byteCount: 60_000)
    try packet.adjustHead(by: -8)
    #expect(packet.segmentation?.checksumStart == 42)
    // The linear part moves to the front of its buffer, and the packet's octets stay the same.
    try packet.pullData(3_700)
    #expect(packet.segmentation?.checksumStart == 42)
    try packet.adjustHead(by: 50)
    #expect(packet.segmentation?.checksumStart == -8)
    packet.recycle(.programDrop)
    #expect(pool.destroy() == nil)
  }

  @Test func aCopyIsToBeCutAsItsOriginal() throws {
    guard let frame = Frame(try packet(byteCount: 2_000)), let page = pool.allocate(),
      let copy = frame.copy(into: page)
    else { throw Missing.page }
    #expect(copy.descriptor.segmentation == tcp)
    frame.recycle(.programDrop)
    copy.recycle(.programDrop)
    #expect(pool.destroy() == nil)
  }

  @Test func theNextPacketInTheBufferIsAnOrdinaryOne() throws {
    let packet = try packet(byteCount: 2_000)
    let buffer = packet.descriptor
    packet.recycle(.programDrop)
    guard let next = Buff(byteCount: 2_000, from: pool) else { throw Missing.page }
    #expect(next.descriptor == buffer)
    #expect(next.segmentation == nil)
    next.recycle(.programDrop)
    #expect(pool.destroy() == nil)
  }
}
