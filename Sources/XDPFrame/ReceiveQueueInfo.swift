// SPDX-License-Identifier: Apache-2.0

/// A reference to what is known about one receive queue: a line of 64 octets in the trusted region.
///
///      0 port u32 · 4 interface index u32 · 8 queue index u32 · 12 state u32
///     16 kind u16 · id u16 ``MemoryInfo`` · 20 number u32 · 24 fragment octets u32
///
/// Frames outlive their queue, so a frame carries the queue's number and its own ``MemoryInfo``.
///
/// Source: `struct xdp_rxq_info`, `include/net/xdp.h`.
@frozen
@safe
public struct ReceiveQueueInfo: @unchecked Sendable {
  // Safe: a line of the registry's queue table; the registry keeps the arena alive.
  @usableFromInline let line: UnsafeMutableRawPointer

  /// The table begins behind the descriptors of the whole arena.
  @inlinable static var tableOffset: Int { 128 << 20 }
  /// The most queues of one datapath.
  public static let limit = 1_024

  @inlinable
  @inline(__always)
  init(base: UnsafeMutableRawPointer, number: UInt16) {
    unsafe line = base + (ReceiveQueueInfo.tableOffset &+ Int(number) &<< 6)
  }

  @inlinable
  @inline(__always)
  init(line: UnsafeMutableRawPointer) {
    unsafe self.line = line
  }

  @inlinable
  @inline(__always)
  func field(_ offset: Int) -> UnsafeMutablePointer<UInt32> {
    unsafe (line + offset).assumingMemoryBound(to: UInt32.self)
  }

  /// The port's number in its datapath.
  @inlinable public var port: UInt32 { unsafe field(0).pointee }
  /// The kernel's index of the interface; 0 for a port that is none.
  @inlinable public var interfaceIndex: UInt32 {
    get { unsafe field(4).pointee }
    nonmutating set { unsafe field(4).pointee = newValue }
  }
  /// The queue's index within its port.
  @inlinable public var queue: UInt32 { unsafe field(8).pointee }
  /// The queue's number in its datapath.
  @inlinable public var number: UInt16 { unsafe UInt16(truncatingIfNeeded: field(20).pointee) }
  /// The octets of a fragment's buffer; 0 means that fragments may not grow.
  @inlinable public var fragmentByteCount: UInt32 { unsafe field(24).pointee }

  /// The model that the queue receives into.
  public var memory: MemoryInfo {
    let word = unsafe field(16).pointee
    return MemoryInfo(
      kind: MemoryKind(rawValue: UInt16(truncatingIfNeeded: word)),
      id: UInt16(truncatingIfNeeded: word >> 16))
  }
}
