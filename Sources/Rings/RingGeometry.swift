// SPDX-License-Identifier: Apache-2.0

/// The sizes that every ring of this module shares.
public enum RingGeometry {
  /// The distance, in octets, that keeps two fields from sharing a cache line.
  ///
  /// Source: `L1_CACHE_BYTES` on x86-64 and on nearly every 64-bit Arm.
  @inlinable
  public static var cacheLineByteCount: Int { 64 }

  /// The largest capacity of a ring, in slots.
  ///
  /// It is the kernel's bound on a page pool's ring and on a CPU-map queue.
  ///
  /// Source: `page_pool_init()`, `net/core/page_pool.c`; `cpu_map_alloc()`, `kernel/bpf/cpumap.c`.
  @inlinable
  public static var maximumCapacity: Int { 16384 }

  /// The number of slots laid out for a capacity: the next power of two, so that a mask finds a slot.
  ///
  /// - Parameter capacity: The most elements that the ring may hold; 1...16384.
  /// - Returns: A power of two, 1...16384.
  @inlinable
  public static func slotCount(forCapacity capacity: Int) -> Int {
    precondition(
      capacity >= 1 && capacity <= maximumCapacity, "A ring's capacity is 1...16384 slots.")
    return 1 &<< (Int.bitWidth &- (capacity &- 1).leadingZeroBitCount)
  }
}
