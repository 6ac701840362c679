// SPDX-License-Identifier: Apache-2.0

/// The numbers that everything is measured by, each with where it comes from.
@frozen
public enum Limits {
  /// The octets one descriptor stands for; a 4,096-octet buffer uses the even one of its two.
  @inlinable public static var granule: Int { 2_048 }
  /// A page, in octets.
  @inlinable public static var page: Int { 4_096 }
  /// Octets in front of the packet, `XDP_PACKET_HEADROOM`.
  @inlinable public static var headroom: Int { 256 }
  /// What the kernel's `struct xdp_frame` takes from the headroom, in octets; kept free so that limits agree.
  @inlinable public static var frameHeader: Int { 40 }
  /// The most fragments of one packet, `MAX_SKB_FRAGS`.
  @inlinable public static var fragments: Int { 17 }
  /// The octets of ``SharedInfo``, `SKB_DATA_ALIGN(sizeof(struct skb_shared_info))`: 48 + 17 × 16.
  @inlinable public static var sharedInfo: Int { 320 }
  /// What one page holds of a packet: 4,096 − 256 − 320 octets.
  @inlinable public static var linear: Int { page &- headroom &- sharedInfo }
  /// The largest packet, in octets: one linear part and 17 pages.
  @inlinable public static var packet: Int { linear &+ fragments &* page }
  /// The smallest packet, in octets: an Ethernet header, `ETH_HLEN`.
  @inlinable public static var ethernetHeader: Int { 14 }
  /// The most metadata in front of a packet, in octets: a multiple of 4 below 256.
  @inlinable public static var metadata: Int { 252 }
  /// The most packets of one poll, `NAPI_POLL_WEIGHT`.
  @inlinable public static var budget: Int { 64 }
  /// The most elements a CPU-map entry may queue.
  @inlinable public static var queue: Int { 16_384 }
}
