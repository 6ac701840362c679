// SPDX-License-Identifier: Apache-2.0

/// Where a program wants a packet redirected: a map, a key, and what to do when the map has nothing there.
///
/// Source: `struct bpf_redirect_info`, `include/linux/filter.h`; ours lies in the packet's ``Buff``, so a burst
/// of packets needs no per-CPU state.
@frozen
public struct RedirectTarget: Equatable, Sendable {
  /// The map's number in its datapath.
  public var map: UInt16
  /// The verdict on a miss, from 0 for ABORTED to 3 for TX: the low two flag bits of `bpf_redirect_map()`.
  public var miss: UInt16
  /// The key within the map.
  public var key: UInt32

  /// A key of a map, and the verdict if it is missing.
  @inlinable
  @inline(__always)
  public init(map: UInt16, key: UInt32, onMiss miss: Verdict = .aborted) {
    self.map = map
    self.miss = UInt16(truncatingIfNeeded: miss.rawValue & 3)
    self.key = key
  }
}
