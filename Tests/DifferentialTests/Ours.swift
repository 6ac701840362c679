// SPDX-License-Identifier: Apache-2.0

import Arena
import CTestSupport
import MemModels
import Testing
import XDPFrame

/// This library, asked what the kernel was asked; one thread.
final class Ours {
  private let registry: MemoryRegistry
  private let pool: PagePool
  private let queue: ReceiveQueueInfo

  init() throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: 64)
    // As the kernel's test run has it: fragments are pages, and may grow to a page.
    queue = try registry.registerQueue(
      port: 1, queue: 0, memory: pool.memory, fragmentByteCount: UInt32(Limits.page))
  }

  deinit {
    registry.unregisterQueue(queue)
    if let drain = pool.destroy() { Issue.record("Pages did not come home: \(drain)") }
  }

  /// What this library makes of a script, in buffers that held `filler` everywhere.
  func run(_ script: PacketScript, filler: UInt8) throws -> Outcome {
    var packet = try makePacket(script, filler: filler)
    let start = packet.answer(0)
    var answers: [Outcome.Answer] = []
    for index in script.steps.indices { answers.append(packet.take(script, index)) }
    let outcome = Outcome(start: start, answers: answers, octets: packet.allOctets)
    packet.recycle(.programDrop)
    #expect(pool.outstanding == 0)
    return outcome
  }

  private func makePacket(_ script: PacketScript, filler: UInt8) throws -> Buff {
    let page = try makePage(filler)
    var packet = Buff(
      owning: page.take(), queue: queue, headroom: Limits.headroom, byteCount: script.linear)
    try packet.adjustMetadata(by: -script.metadata)
    var first = script.first
    unsafe copy(&first, script.metadata + script.linear, to: unsafe packet.data - script.metadata)
    var left = script.byteCount - script.linear
    while left > 0 {
      let part = try makePage(filler)
      let count = min(left, Limits.page)
      unsafe copy(&first, count, to: unsafe part.descriptor.hardStart)
      if let refused = packet.addFragment(part, offset: 0, byteCount: count) {
        refused.recycle()
        Issue.record("More than 17 fragments: \(script)")
      }
      left -= count
    }
    return packet
  }

  private func makePage(_ filler: UInt8) throws -> Storage {
    guard let page = pool.allocate() else { throw PacketError.unreachable }
    unsafe page.descriptor.hardStart.initializeMemory(
      as: UInt8.self, repeating: filler, count: Limits.page)
    return page
  }

  private func copy(_ first: inout Int, _ count: Int, to place: UnsafeMutableRawPointer) {
    unsafe PacketScript.material.withUnsafeBytes {
      guard let start = $0.baseAddress else { return }
      unsafe place.copyMemory(from: start + first, byteCount: count)
    }
    first += count
  }
}

extension Buff {
  fileprivate func answer(_ result: Int32) -> Outcome.Answer {
    Outcome.Answer(
      result: result, length: byteCount, linear: linearByteCount, metadata: metadataByteCount)
  }

  fileprivate mutating func take(_ script: PacketScript, _ index: Int) -> Outcome.Answer {
    let step = script.steps[index]
    var octets: [UInt8] = []
    var result: Int32 = 0
    do throws(PacketError) {
      let argument = Int(step.argument)
      switch step.operation {
      case ADJUST_HEAD: try adjustHead(by: argument)
      case ADJUST_TAIL: try adjustTail(by: argument)
      case ADJUST_METADATA: try adjustMetadata(by: argument)
      case LOAD: octets = try loaded(argument, Int(step.count))
      case STORE: try store(script.stored(index), argument)
      default: try pullData(argument)
      }
    } catch {
      result = -error.errno
    }
    var answer = answer(result)
    answer.octets = octets
    return answer
  }

  private func loaded(_ offset: Int, _ count: Int) throws(PacketError) -> [UInt8] {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
    defer { unsafe room.deallocate() }
    try unsafe load(from: offset, into: room)
    return unsafe Array(room)
  }

  private mutating func store(_ octets: ArraySlice<UInt8>, _ offset: Int) throws(PacketError) {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: octets.count, alignment: 1)
    defer { unsafe room.deallocate() }
    unsafe room.copyBytes(from: octets)
    try unsafe store(UnsafeRawBufferPointer(room), at: offset)
  }

  /// Metadata and packet.
  fileprivate var allOctets: [UInt8] {
    unsafe Array(unsafeUninitializedCapacity: metadataByteCount + byteCount) { room, count in
      let octets = UnsafeMutableRawBufferPointer(room)
      let metadata = unsafe UnsafeRawBufferPointer(
        start: data - metadataByteCount, count: metadataByteCount)
      unsafe octets.copyMemory(from: metadata)
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: octets[metadataByteCount...])
      let isWhole = unsafe copyBytes(from: 0, to: rest)
      #expect(isWhole)
      count = octets.count
    }
  }
}
