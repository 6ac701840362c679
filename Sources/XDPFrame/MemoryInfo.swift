// SPDX-License-Identifier: Apache-2.0

/// The kind of a memory model; plugins take 4 and above.
///
/// Source: `enum xdp_mem_type`, `include/net/xdp.h`.
@frozen
public struct MemoryKind: RawRepresentable, Hashable, Sendable {
  /// The kernel's number.
  public let rawValue: UInt16

  /// A kind by number.
  @inlinable
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// Pages split among counted users.
  @inlinable public static var sharedPage: MemoryKind { MemoryKind(rawValue: 0) }
  /// One page, released to where pages come from.
  @inlinable public static var singlePage: MemoryKind { MemoryKind(rawValue: 1) }
  /// Pages recycled by a ``MemoryModel`` of the page-pool family.
  @inlinable public static var pagePool: MemoryKind { MemoryKind(rawValue: 2) }
  /// Chunks of a UMEM.
  @inlinable public static var xskPool: MemoryKind { MemoryKind(rawValue: 3) }
  /// The first kind that a plugin may take.
  @inlinable public static var firstPlugin: MemoryKind { MemoryKind(rawValue: 4) }
}

/// Which memory model a buffer belongs to; it travels with the frame, because a frame outlives its queue.
///
/// Source: `struct xdp_mem_info`, `include/net/xdp.h`.
@frozen
public struct MemoryInfo: Hashable, Sendable {
  /// The kind.
  public let kind: MemoryKind
  /// The registry's id, 1...0xFFFE; 0 where no model is registered.
  public let id: UInt16

  /// Kind and id together.
  @inlinable
  public init(kind: MemoryKind, id: UInt16) {
    self.kind = kind
    self.id = id
  }
}
