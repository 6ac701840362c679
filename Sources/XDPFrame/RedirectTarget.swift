// SPDX-License-Identifier: Apache-2.0

/// Where a program wants a packet redirected: a map, a key, and what to do when the map has nothing there.
///
/// Source: `struct bpf_redirect_info`, `include/linux/filter.h`; ours lies in the packet's ``Buff``, so a burst
/// of packets needs no per-CPU state.
@frozen
public struct RedirectTarget: Equatable, Sendable {
  /// The map's number in its datapath.
  public var map: UInt16
  /// The flags of `bpf_redirect_map()`: what a miss leads to, and whether the packet goes everywhere.
  public var flags: RedirectFlags
  /// The key within the map.
  public var key: UInt32

  /// A key of a map, and the verdict if it is missing.
  @inlinable
  @inline(__always)
  public init(map: UInt16, key: UInt32, onMiss miss: Verdict = .aborted) {
    self.map = map
    flags = RedirectFlags(onMiss: miss)
    self.key = key
  }

  /// A key of a map, and the flags of `bpf_redirect_map()`.
  @inlinable
  @inline(__always)
  public init(map: UInt16, key: UInt32, flags: RedirectFlags) {
    self.map = map
    self.flags = flags
    self.key = key
  }

  /// Every entry of a map, or every one but that of the port which the packet arrived by.
  ///
  /// - Parameters:
  ///   - map: The number of a device map; elsewhere the packet is aborted.
  ///   - excludingIngress: Whether the port that the packet arrived by gets none.
  ///
  /// Source: `BPF_F_BROADCAST` and `BPF_F_EXCLUDE_INGRESS`, `include/uapi/linux/bpf.h`.
  @inlinable
  public init(everyEntryOf map: UInt16, excludingIngress: Bool = true) {
    self.map = map
    flags = excludingIngress ? [.broadcast, .excludeIngress] : .broadcast
    key = 0
  }
}

/// The flags of `bpf_redirect_map()`: a verdict in the low two bits, and what is more above them.
@frozen
public struct RedirectFlags: OptionSet, Hashable, Sendable {
  /// The kernel's bits.
  public let rawValue: UInt16

  /// Flags by bits; those that a map does not know abort the packet.
  @inlinable
  @inline(__always)
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// Only a verdict for a miss: 0 for ABORTED up to 3 for TX.
  @inlinable
  @inline(__always)
  public init(onMiss verdict: Verdict) {
    rawValue = UInt16(truncatingIfNeeded: verdict.rawValue & 3)
  }

  /// The packet goes to every entry, whatever the key: `BPF_F_BROADCAST`.
  @inlinable public static var broadcast: RedirectFlags { RedirectFlags(rawValue: 1 << 3) }
  /// The port that the packet arrived by gets none: `BPF_F_EXCLUDE_INGRESS`; without ``broadcast`` it means nothing.
  @inlinable public static var excludeIngress: RedirectFlags { RedirectFlags(rawValue: 1 << 4) }
  /// The bits that are the verdict for a miss.
  @inlinable public static var verdict: RedirectFlags { RedirectFlags(rawValue: 3) }

  /// The verdict for a miss.
  @inlinable public var miss: Verdict { Verdict(rawValue: UInt32(rawValue & 3)) }
}
