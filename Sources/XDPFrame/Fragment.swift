// SPDX-License-Identifier: Apache-2.0

/// A part of a packet that lies in another buffer: 16 octets, as ``SharedInfo`` holds them.
///
/// Source: `skb_frag_t`, `include/linux/skbuff.h`; a slot stands where the kernel has a page pointer.
@frozen
public struct Fragment: BitwiseCopyable, Sendable {
  /// The buffer, as a ring would carry it.
  @usableFromInline let buffer: UInt64
  /// Octets.
  public var byteCount: UInt32
  /// From the buffer's first octet, in octets.
  public var offset: UInt32

  /// A part of a buffer.
  @inlinable
  @inline(__always)
  public init(slot: Slot, offset: UInt32, byteCount: UInt32) {
    buffer = slot.rawValue
    self.byteCount = byteCount
    self.offset = offset
  }

  /// The buffer, as a ring would carry it.
  @inlinable public var slot: Slot { Slot(rawValue: buffer) }
}
