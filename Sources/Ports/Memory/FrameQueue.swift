// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import Rings
internal import XDPFrame

/// A bounded queue of frames in the trusted region: many producers under a lock, one consumer.
@safe
final class FrameQueue: Sendable {
  private let ring: PointerRing
  private let block: TrustedBlock
  // Safe: the block keeps the arena alive.
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer

  init(arena: Arena, capacity: Int) throws(ArenaError) {
    block = try arena.allocateTrusted(byteCount: UInt(PointerRing.byteCount(capacity: capacity)))
    unsafe ring = PointerRing(initializing: block.address, capacity: capacity)
    unsafe base = arena.base
  }

  var count: Int { ring.count }

  /// Adds a frame; hands it back when the queue is full.
  func enqueue(_ frame: consuming Frame) -> Frame? {
    let descriptor = frame.take()
    let (owner, number) = (descriptor.owner, descriptor.ownerNumber)
    descriptor.owner = .transmit
    if ring.produce(Slot(descriptor).rawValue) { return nil }
    descriptor.setOwner(owner, number: number)
    return Frame(owning: descriptor)
  }

  /// Adds the first `count` frames of a bulk; those taken leave it.
  ///
  /// Answers how many were taken. Whoever takes them out will have received them by `queue`, unless that is nil.
  func enqueue(_ frames: inout FrameBulk, count: Int, arrivingBy queue: ReceiveQueueInfo?) -> Int {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: FrameBulk.capacity) { slots in
      guard let start = slots.baseAddress, count > 0 else { return 0 }
      let before = unsafe frames.descriptors[0]
      let (owner, number) = (before.owner, before.ownerNumber)
      for position in 0..<count {
        let descriptor = unsafe frames.descriptors[position]
        descriptor.owner = .transmit
        if let queue { descriptor.queueNumber = queue.number }
        unsafe start[position] = Slot(descriptor).rawValue
      }
      let taken = unsafe ring.produce(start, count: count)
      // Frames of one bulk share an owner: the loop or worker that sends them.
      for position in taken..<count {
        unsafe frames.descriptors[position].setOwner(owner, number: number)
      }
      frames.removeFirst(taken)
      return taken
    }
  }

  /// Takes the oldest frame; the consumer only.
  func dequeue() -> Frame? {
    while let slot = ring.consume() {
      guard let descriptor = unsafe Slot(rawValue: slot).descriptor(base: base) else { continue }
      descriptor.owner = .receive
      return Frame(owning: descriptor)
    }
    return nil
  }

  /// Takes up to a budget of frames into a burst; the consumer only.
  ///
  /// - Returns: How many slots were stale; their buffers have found another way home.
  func dequeue(into burst: inout Burst, budget: Int) -> Int {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Limits.budget) { slots in
      guard let start = slots.baseAddress else { return 0 }
      let count = unsafe ring.consume(into: start, count: min(budget, Limits.budget))
      for position in 0..<count {
        let slot = unsafe Slot(rawValue: start[position])
        guard let descriptor = unsafe slot.descriptor(base: base) else { continue }
        descriptor.owner = .receive
        burst.append(Frame(owning: descriptor))
      }
      return count - burst.count
    }
  }
}
