// SPDX-License-Identifier: Apache-2.0

import Testing
import XDPFrame

@Suite struct FrameCopyTests {
  @Test func aCopyHasTheOctetsTheMetadataAndThePlaceOfItsOriginal() throws {
    let fixture = try Fixture()
    var packet = try fixture.buff(byteCount: 100)
    try packet.adjustHead(by: -20)
    try packet.adjustMetadata(by: -8)
    let octets = [UInt8](0..<128)
    _ = unsafe octets.withUnsafeBytes { source in
      unsafe (packet.data - 8).copyMemory(from: source.baseAddress!, byteCount: 128)
    }
    let frame = try fixture.rest(packet)
    frame.descriptor.hopCount = 3
    frame.descriptor.flowHash = 77
    frame.descriptor.time = 1_234
    guard let copy = frame.copy(into: try fixture.storage()) else { throw Fixture.Missing.room }
    #expect(copy.descriptor != frame.descriptor)
    #expect(copy.queue.number == frame.queue.number)
    #expect(copy.descriptor.hopCount == 3)
    #expect(copy.descriptor.flowHash == 77)
    #expect(copy.descriptor.time == 1_234)
    frame.recycle(.programDrop)
    let looked = Buff(copy)
    #expect(looked.headroom == 236)
    #expect(looked.metadataByteCount == 8)
    #expect(looked.linearByteCount == 120)
    let copied = unsafe UnsafeRawBufferPointer(start: looked.data - 8, count: 128)
    #expect(unsafe copied.elementsEqual(octets))
    looked.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  @Test func aFrameWithFragmentsHasNoCopy() throws {
    let fixture = try Fixture()
    let frame = try fixture.rest(try fixture.longBuff(byteCount: 9_000))
    let copy = frame.copy(into: try fixture.storage())
    let isCopied = copy != nil
    #expect(!isCopied)
    copy?.recycle(.programDrop)
    frame.recycle(.programDrop)
    #expect(fixture.model.isWhole)
  }

  /// The buffer of a copy keeps its tailroom, wherever the original kept its own.
  @Test(arguments: [(3_520, true), (3_521, false), (3_840, false)])
  func aCopyFitsItsBufferOrThereIsNone(byteCount: Int, fits: Bool) throws {
    let chunks = try Fixture(isBeside: true)
    let pages = try RecordingModel(chunks.registry)
    let frame = try chunks.rest(try chunks.buff(byteCount: byteCount))
    guard let storage = pages.allocate() else { throw Fixture.Missing.buffer }
    let copy = frame.copy(into: storage)
    let isCopied = copy != nil
    #expect(isCopied == fits)
    copy?.recycle(.programDrop)
    frame.recycle(.programDrop)
    #expect(chunks.model.isWhole)
    #expect(pages.isWhole)
    chunks.registry.disconnect(pages.memory.id)
  }
}
