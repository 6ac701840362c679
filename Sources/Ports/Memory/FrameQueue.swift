// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
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
    let before = descriptor.owner
    descriptor.owner = .transmit
    if ring.produce(Slot(descriptor).rawValue) { return nil }
    descriptor.owner = before
    return Frame(owning: descriptor)
  }

  /// Adds the first `count` frames of a bulk; those taken leave it.
  func enqueue(_ frames: inout FrameBulk, count: Int, queueNumber: UInt16?) -> Int {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: FrameBulk.capacity) { slots in
      guard let start = slots.baseAddress else { return 0 }
      for position in 0..<count {
        let descriptor = unsafe frames.descriptors[position]
        descriptor.owner = .transmit
        if let queueNumber { descriptor.queueNumber = queueNumber }
        unsafe start[position] = Slot(descriptor).rawValue
      }
      let taken = unsafe ring.produce(start, count: count)
      for position in taken..<count { unsafe frames.descriptors[position].owner = .receive }
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
  func dequeue(into burst: inout Burst, budget: Int) {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Limits.budget) { slots in
      guard let start = slots.baseAddress else { return }
      let count = unsafe ring.consume(into: start, count: min(budget, Limits.budget))
      for position in 0..<count {
        let slot = unsafe Slot(rawValue: start[position])
        guard let descriptor = unsafe slot.descriptor(base: base) else { continue }
        descriptor.owner = .receive
        burst.append(Frame(owning: descriptor))
      }
    }
  }
}
