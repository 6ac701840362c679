// SPDX-License-Identifier: Apache-2.0

/// A reference to the list of a packet's fragments: 320 octets, laid out as the kernel's.
///
///       0 flags u8 · metadata u8 · fragmentCount u8 · transmit flags u8
///       4 segment octets u16 · segments u16            8 fragment list u64      16 time stamps u64
///      24 segmentation u32                            28 checksum start u16 · offset u16
///      32 dataref u32 · 36 unused
///      40 fragmentsByteCount u32                      44 fragmentsTrueByteCount u32
///      48 fragments: 17 × ``Fragment``
///
/// For page models it lies in the tailroom, as in the kernel; for XSK chunks, which the kernel fills to their
/// last octet, beside the descriptor. The descriptor says where. Valid only while the packet has
/// ``PacketFlags/hasFragments``: nobody zeroes it for packets that have none. What ``Segmentation`` says is valid with
/// ``PacketFlags/segmented``.
///
/// Source: `struct skb_shared_info`, `include/linux/skbuff.h`; the checksum stands there in the `sk_buff`, and a time
/// stamp's key here.
@frozen
@safe
public struct SharedInfo {
  // Safe: 320 octets of the arena or of the trusted region, owned by whoever owns the buffer.
  @usableFromInline let memory: UnsafeMutableRawPointer

  @inlinable
  @inline(__always)
  init(memory: UnsafeMutableRawPointer) {
    unsafe self.memory = memory
  }

  /// The number of fragments, 0...17.
  ///
  /// A larger number, which only a forged tailroom can hold, reads as 17.
  @inlinable public var fragmentCount: Int {
    get { min(writtenFragmentCount, Limits.fragments) }
    nonmutating set {
      unsafe memory.storeBytes(
        of: UInt8(truncatingIfNeeded: newValue), toByteOffset: 2, as: UInt8.self)
    }
  }

  /// What stands where the number of fragments is written, 0...255.
  @inlinable var writtenFragmentCount: Int {
    unsafe Int(memory.load(fromByteOffset: 2, as: UInt8.self))
  }

  /// The octets of all fragments together.
  @inlinable public var fragmentsByteCount: UInt32 {
    get { unsafe memory.load(fromByteOffset: 40, as: UInt32.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, toByteOffset: 40, as: UInt32.self) }
  }

  /// The octets of the buffers that the fragments occupy.
  @inlinable public var fragmentsTrueByteCount: UInt32 {
    get { unsafe memory.load(fromByteOffset: 44, as: UInt32.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, toByteOffset: 44, as: UInt32.self) }
  }

  /// The fragments, the first ``fragmentCount`` of which are meaningful.
  @inlinable public var fragments: UnsafeMutablePointer<Fragment> {
    unsafe (memory + 48).assumingMemoryBound(to: Fragment.self)
  }

  /// Begins an empty list.
  @inlinable
  @inline(__always)
  public func reset() {
    fragmentCount = 0
    fragmentsByteCount = 0
    fragmentsTrueByteCount = 0
  }
}
