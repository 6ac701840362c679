// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Testing
import XDPFrame

/// A packet in XSK chunks is copied where it is to be kept: `xdp_convert_zc_to_xdp_frame()`.
@Suite struct BuffCopyTests {
  private let registry: MemoryRegistry
  private let pages: PagePool
  private let halves: SharedPagePool

  init() throws {
    registry = MemoryRegistry(arena: try Arena())
    pages = try PagePool(registry: registry, pageCount: 20)
    halves = try SharedPagePool(registry: registry, pageCount: 20)
  }

  private struct Missing: Error {}

  struct Row: CustomTestStringConvertible, Sendable {
    let chunk: Int
    let byteCount: Int
    let metadata: Int
    let toHalves: Bool
    /// The fragments of the copy.
    let fragments: Int

    var testDescription: String {
      "\(byteCount) octets, \(metadata) of metadata, from chunks of \(chunk) to \(toHalves ? "halves" : "pages")"
    }
  }

  static let rows = [
    Row(chunk: 2_048, byteCount: 60, metadata: 0, toHalves: false, fragments: 0),
    Row(chunk: 2_048, byteCount: 1_514, metadata: 0, toHalves: true, fragments: 0),
    Row(chunk: 2_048, byteCount: 1_514, metadata: 0, toHalves: false, fragments: 0),
    Row(chunk: 2_048, byteCount: 1_514, metadata: 216, toHalves: false, fragments: 0),
    // 192 of headroom are not enough for 40 and the metadata: the linear part ends earlier.
    Row(chunk: 2_048, byteCount: 1_514, metadata: 216, toHalves: true, fragments: 1),
    Row(chunk: 4_096, byteCount: 3_520, metadata: 32, toHalves: false, fragments: 0),
    // A chunk is used to its last octet, a page is not.
    Row(chunk: 4_096, byteCount: 3_521, metadata: 32, toHalves: false, fragments: 1),
    Row(chunk: 4_096, byteCount: 9_000, metadata: 4, toHalves: false, fragments: 2),
    Row(chunk: 2_048, byteCount: 9_000, metadata: 0, toHalves: false, fragments: 2),
    // Halves that lie side by side are one fragment.
    Row(chunk: 4_096, byteCount: 9_000, metadata: 0, toHalves: true, fragments: 3),
  ]

  @Test(arguments: rows)
  func theCopyIsAllThatIsLeft(row: Row) throws {
    let model: any MemoryModel = row.toHalves ? halves : pages
    let umem = try UMEM(registry: registry, chunkCount: 16, chunkByteCount: row.chunk)
    let socket = try XSKPool(umem: umem, chunkCount: 16)
    let packet = try makePacket(row.byteCount, metadata: row.metadata, in: socket)
    packet.descriptor.flowHash = 0xCAFE
    packet.descriptor.time = 99
    packet.descriptor.hopCount = 3
    guard let frame = Frame(copying: packet, into: model) else { throw Missing() }
    // The chunks are the kernel's again, and the pool may go while the packet is kept.
    #expect(socket.destroy() == nil)
    #expect(frame.memory == model.memory)
    #expect(frame.descriptor.fragmentCount == row.fragments)
    for position in 0..<row.fragments {
      let fragment = try #require(frame.descriptor.fragment(at: position))
      #expect(frame.descriptor.buffer(of: fragment).memory == model.memory)
    }
    #expect(frame.queue.port == 9)
    #expect(frame.descriptor.flowHash == 0xCAFE)
    #expect(frame.descriptor.time == 99)
    #expect(frame.descriptor.hopCount == 3)
    let copy = Buff(frame)
    try copy.checkFrameRoom()
    #expect(copy.metadataByteCount == row.metadata)
    for position in 0..<row.metadata {
      unsafe #expect(
        (copy.data - 1 - position).load(as: UInt8.self) == UInt8(255 - position % 250))
    }
    guard let again = Frame(copy) else { throw Missing() }
    #expect(again.octets() == octets(row.byteCount))
    #expect(pages.destroy() == nil && halves.destroy() == nil)
  }

  private func octets(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 % 251) } }

  private func makePacket(
    _ byteCount: Int, metadata: Int = 0, in model: any MemoryModel
  ) throws -> Buff {
    let queue = try registry.registerQueue(port: 9, queue: 0, memory: model.memory)
    guard var packet = Buff(byteCount: byteCount, from: model, queue: queue) else {
      throw Missing()
    }
    let isStored = unsafe octets(byteCount).withUnsafeBytes { unsafe packet.storeBytes($0, at: 0) }
    #expect(isStored)
    try packet.adjustMetadata(by: -metadata)
    for position in 0..<metadata {
      unsafe (packet.data - 1 - position).storeBytes(
        of: UInt8(255 - position % 250), as: UInt8.self)
    }
    return packet
  }

  @Test func withoutBuffersForTheCopyThePacketGoesHome() throws {
    let small = try PagePool(registry: registry, pageCount: 2)
    let packet = try makePacket(9_000, in: pages)
    expectRefused(packet, by: small, as: .poolEmpty)
    // What was had of the copy is home as well.
    #expect(small.destroy() == nil)
    close()
  }

  @Test func aPacketThatNeedsMoreThan17FragmentsGoesHome() throws {
    let packet = try makePacket(3_520 + 9 * 4_096, in: pages)
    expectRefused(packet, by: halves, as: .tooManyFragments)
    close()
  }

  @Test func aForgedPacketIsNotCopied() throws {
    let packet = try makePacket(5_000, in: pages)
    let list = unsafe packet.sharedInfo.fragments
    let genuine = unsafe list[0]
    unsafe list[0] = Fragment(slot: Slot(rawValue: 0), offset: 0, byteCount: 100)
    let lost = unsafe Descriptor(base: registry.arena.base, index: genuine.slot.index)
    expectRefused(packet, by: halves, as: .truncated)
    #expect(pages.census()[.quarantine] == 1)
    lost.head = 0
    Storage(owning: lost).recycle()
    close()
  }

  private func expectRefused(
    _ packet: consuming Buff, by model: any MemoryModel, as reason: DropReason
  ) {
    let buffer = packet.descriptor
    if let frame = Frame(copying: packet, into: model) {
      frame.recycle(.shutdown)
      Issue.record("The packet was copied.")
    }
    #expect(buffer.reason == reason.rawValue)
  }

  private func close() {
    #expect(pages.census().doubleFree == 0 && pages.census().abandoned == 0)
    #expect(halves.census().abandoned == 0)
    #expect(pages.destroy() == nil && halves.destroy() == nil)
  }
}
