// SPDX-License-Identifier: Apache-2.0

import Arena
import Testing
import XDPFrame

/// A memory model that remembers how it was called; for one thread.
final class RecordingModel: MemoryModel, @unchecked Sendable {
  // Safe: a test uses a model on one thread.
  let memory: MemoryInfo
  let headroom = Limits.headroom
  let linearByteCount: Int
  private let registry: MemoryRegistry
  private let segment: Segment
  private let sideBlock: TrustedBlock?
  private var byteCount: Int { bufferByteCount }
  let bufferByteCount: Int
  private let capacity: Int
  private var free: [UInt32] = []
  /// The buffers of each call of `recycle`, by index.
  private(set) var calls: [[UInt32]] = []
  private(set) var doubleFree = 0

  /// Makes a model whose shared info lies in the tailroom, or beside the descriptor.
  init(
    _ registry: MemoryRegistry, capacity: Int = 64, byteCount: Int = Limits.page,
    kind: MemoryKind = .firstPlugin, isBeside: Bool = false
  ) throws {
    self.registry = registry
    self.capacity = capacity
    bufferByteCount = byteCount
    linearByteCount = byteCount - Limits.headroom - (isBeside ? 0 : Limits.sharedInfo)
    segment = try registry.arena.addSegment(
      byteCount: UInt((capacity * byteCount + 4_095) & ~4_095))
    sideBlock =
      isBeside
      ? try registry.arena.allocateTrusted(byteCount: UInt(capacity * Limits.sharedInfo)) : nil
    memory = MemoryInfo(kind: kind, id: try registry.reserveID())
    for position in 0..<capacity { describe(position) }
    registry.register(self)
  }

  private func describe(_ position: Int) {
    let buffer = descriptor(position)
    buffer.frameByteCount = UInt32(byteCount)
    buffer.memory = memory
    buffer.owner = .free
    if let sideBlock {
      buffer.flags = .sharedInfoBeside
      buffer.placeSharedInfo(atOffset: sideBlock.offset + UInt(position * Limits.sharedInfo))
    } else {
      buffer.flags = []
      let end = unsafe UInt(bitPattern: buffer.hardStart) + UInt(byteCount)
      buffer.placeSharedInfo(atOffset: (end & AddressMap.offsetMask) - UInt(Limits.sharedInfo))
    }
    free.insert(buffer.index, at: 0)
  }

  func descriptor(_ position: Int) -> Descriptor {
    unsafe Descriptor(holding: segment.address + position * byteCount)
  }

  func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int {
    let taken = min(count, free.count)
    for position in 0..<taken {
      let buffer = unsafe Descriptor(base: registry.arena.base, index: free.removeLast())
      buffer.owner = .receive
      unsafe (storage + position).initialize(to: Storage(owning: buffer))
    }
    return taken
  }

  func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    var call: [UInt32] = []
    for position in 0..<count {
      let buffer = unsafe descriptors[position]
      call.append(buffer.index)
      if buffer.becomeFree() { free.insert(buffer.index, at: 0) } else { doubleFree += 1 }
    }
    calls.append(call)
  }

  func census() -> Census {
    var counts: [Owner: Int] = [:]
    for position in 0..<capacity { counts[descriptor(position).holder, default: 0] += 1 }
    return Census(
      capacity: capacity, counts: counts, doubleFree: doubleFree,
      abandoned: registry.abandonedCount(of: memory.id))
  }

  func forgetCalls() { calls = [] }

  /// Whether every buffer is home, came home once, and none was dropped.
  var isWhole: Bool { census() == Census(capacity: capacity, counts: [.free: capacity]) }
}

/// A registry with one model and one queue.
final class Fixture {
  let registry: MemoryRegistry
  let model: RecordingModel
  let queue: ReceiveQueueInfo

  init(capacity: Int = 64, byteCount: Int = Limits.page, isBeside: Bool = false) throws {
    registry = MemoryRegistry(arena: try Arena())
    model = try RecordingModel(
      registry, capacity: capacity, byteCount: byteCount, isBeside: isBeside)
    queue = try registry.registerQueue(port: 7, queue: 3, memory: model.memory)
  }

  /// A registered model keeps itself and its registry alive.
  deinit { registry.disconnect(model.memory.id) }

  enum Missing: Error { case buffer, room }

  /// A buffer of the model.
  func storage() throws -> Storage {
    guard let storage = model.allocate() else { throw Missing.buffer }
    return storage
  }

  /// A buffer of another model.
  func storage(of model: RecordingModel) throws -> Storage {
    guard let storage = model.allocate() else { throw Missing.buffer }
    return storage
  }

  /// A packet whose octets count up from `first`.
  func buff(byteCount: Int = 64, headroom: Int = Limits.headroom, first: Int = 0) throws -> Buff {
    let packet = Buff(
      owning: try storage().take(), queue: queue, headroom: headroom, byteCount: byteCount)
    unsafe fill(packet.data, byteCount, first)
    return packet
  }

  /// A packet of `byteCount` octets that count up, in as many pages as it takes.
  func longBuff(byteCount: Int) throws -> Buff {
    var packet = try buff(byteCount: min(byteCount, model.linearByteCount))
    var done = packet.byteCount
    while done < byteCount {
      let piece = min(byteCount - done, Limits.page)
      let part = try storage()
      unsafe fill(part.descriptor.hardStart, piece, done)
      if let rejected = packet.addFragment(part, offset: 0, byteCount: piece) {
        rejected.recycle()
        packet.recycle(.tooManyFragments)
        throw Missing.room
      }
      done += piece
    }
    return packet
  }

  func frame(byteCount: Int = 64, first: Int = 0) throws -> Frame {
    try rest(try buff(byteCount: byteCount, first: first))
  }

  /// Lets a packet rest that has the room for it.
  func rest(_ packet: consuming Buff) throws -> Frame {
    guard let frame = Frame(packet) else { throw Missing.room }
    return frame
  }

  private func fill(_ address: UnsafeMutableRawPointer, _ byteCount: Int, _ first: Int) {
    for offset in 0..<byteCount {
      unsafe address.storeBytes(
        of: octet(first + offset), toByteOffset: offset, as: UInt8.self)
    }
  }
}

/// The octet that a test's packet has at `position`; its period, 251, is no power of two.
func octet(_ position: Int) -> UInt8 { UInt8(position % 251) }

/// Expects that a packet took the buffer it was given.
func expectAdded(_ rejected: consuming Storage?) {
  guard let rejected else { return }
  rejected.recycle()
  Issue.record("A fragment was handed back.")
}

/// Fills an array with a packet's octets; answers whether there were so many.
func copy(_ packet: borrowing Buff, from offset: Int, into octets: inout [UInt8]) -> Bool {
  unsafe octets.withUnsafeMutableBytes { unsafe packet.copyBytes(from: offset, to: $0) }
}
