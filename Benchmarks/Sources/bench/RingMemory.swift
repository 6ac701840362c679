// SPDX-License-Identifier: Apache-2.0

import Rings

/// A ring of 1024 slots in memory of its own, for one window of a benchmark.
@safe
struct RingMemory {
  static let capacity = 1024

  let ring: SPSCRing
  private let memory: UnsafeMutableRawPointer

  // Safe: the memory is as long and as aligned as the ring asks, and outlives it until `free`.
  init() {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: SPSCRing.byteCount(capacity: Self.capacity), alignment: 64)
    unsafe self.memory = memory
    ring = unsafe SPSCRing(initializing: memory, capacity: Self.capacity)
  }

  func free() { unsafe memory.deallocate() }
}

/// Room for a burst of slots on cache lines of its own, as the peers have it on their stacks.
///
/// A burst that straddles lines costs a third more, and where the stack begins differs from run to run.
@safe
struct Slots {
  // Safe: one thread uses it, between init and free, and no burst is longer.
  let first: UnsafeMutablePointer<UInt64>

  init() {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64 * 8, alignment: 64)
    unsafe first = memory.initializeMemory(as: UInt64.self, repeating: 0, count: 64)
  }

  func free() { unsafe first.deallocate() }
}
