// SPDX-License-Identifier: Apache-2.0

public import Arena

/// A reference to what is known about one buffer: a line of 64 octets in the trusted region.
///
///      0 data         u32  arena offset of the first packet octet
///      4 byteCount    u32  octets of the linear part
///      8 metadata     u8   octets of metadata in front of it
///      9 hops         u8   how often the packet was redirected
///     10 flags        u16  ``PacketFlags``
///     12 frameSize    u32  octets of the buffer, from its first octet to the end of its tailroom
///     16 kind, id     u16  ``MemoryInfo``
///     20 generation   u32  how often the buffer came home; a handle with an older one is stale
///     24 owner        u32  ``Owner``, and in the upper 24 bits which one (worker, ring)
///     28 users        u32  users of a shared page; atomic
///     32 queue        u16  the ``ReceiveQueueInfo`` it arrived by
///     34 reason       u16  the ``DropReason`` or verdict it ended with, for whoever looks afterwards
///     36 hash         u32  the flow hash, where steering computed one
///     40 sharedInfo   u32  where its ``SharedInfo`` lies, in units of 8 octets from the base
///     44 head         u32  for a fragment: the index of the frame it is part of
///     48 time         u64  when it was received, in nanoseconds of the monotonic clock; 0 if not taken
///     56 cookie       u64  free for the buffer's owner
///
/// Who holds a buffer writes its line, and hands both over together; the rings between owners order the writes.
/// Programs never see the line, so they cannot forge it. It follows from the buffer's address by a mask and a
/// shift, and the buffer's address from it, so one word is enough for both.
///
/// Source: `struct xdp_frame`, `include/net/xdp.h`, which lies in the headroom instead; here the 40 octets stay
/// reserved there and the line lies dense beside its neighbours, because headers at the same offset of every
/// page fall into one set of the cache.
@frozen
@safe
public struct Descriptor: @unchecked Sendable, Equatable {
  // Safe: points at a line of the trusted region of a live arena; whoever holds a buffer keeps its model's
  // segment, and so the arena, alive through the registry.
  @usableFromInline let line: UnsafeMutableRawPointer

  @inlinable
  @inline(__always)
  init(line: UnsafeMutableRawPointer) {
    unsafe self.line = line
  }

  /// The descriptor of buffer number `index` in the arena that begins at `base`.
  ///
  /// Safe: the caller names a granule of that arena.
  @inlinable
  @inline(__always)
  public init(base: UnsafeMutableRawPointer, index: UInt32) {
    unsafe line = base + (Int(truncatingIfNeeded: index) &<< 6)
  }

  /// The descriptor of the buffer that holds `address`.
  ///
  /// Safe: the caller passes an address inside an arena.
  @inlinable
  @inline(__always)
  public init(holding address: UnsafeRawPointer) {
    let base = unsafe AddressMap.base(of: address)
    let offset = UInt(bitPattern: address) & 0xFFFF_FFFF
    unsafe line = base + Int(bitPattern: (offset &>> 11) &<< 6)
  }

  /// The descriptor whose line lies `offset` octets from the base.
  ///
  /// Safe: the caller got the offset from ``offset``.
  @inlinable
  @inline(__always)
  public init(base: UnsafeMutableRawPointer, offset: Int) {
    unsafe line = base + offset
  }

  /// Where the line lies, in octets from the base: what a pool keeps of a buffer.
  @inlinable public var offset: UInt64 {
    unsafe UInt64(UInt(bitPattern: line) & AddressMap.offsetMask)
  }

  /// The buffer's number in its arena: its offset in granules; never 0.
  @inlinable public var index: UInt32 {
    unsafe UInt32(truncatingIfNeeded: (UInt(bitPattern: line) & 0xFFFF_FFFF) &>> 6)
  }

  /// The base of the reservation.
  @inlinable public var base: UnsafeMutableRawPointer { unsafe AddressMap.base(of: line) }

  /// The buffer's first octet.
  @inlinable public var hardStart: UnsafeMutableRawPointer {
    let offset = unsafe UInt(bitPattern: line) & 0xFFFF_FFFF
    return unsafe base + Int(bitPattern: AddressMap.arenaOffset &+ (offset &<< 5))
  }

  /// Compares identity: the same buffer of the same arena.
  @inlinable
  public static func == (left: Descriptor, right: Descriptor) -> Bool {
    unsafe left.line == right.line
  }
}

extension Descriptor {
  /// The descriptors of a whole arena: 4 GiB in granules of 2,048 octets.
  @inlinable public static var limit: UInt32 { 1 << 21 }
}
