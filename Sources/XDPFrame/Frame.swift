// SPDX-License-Identifier: Apache-2.0

/// A packet at rest: in a queue, on its way out, or in somebody's hand.
///
/// Eight octets; may cross threads.
///
/// It is consumed by transmit, enqueue or ``recycle(_:)``. One that is merely dropped goes home and counts as
/// abandoned, which must stay 0. A second use after hand-over does not compile.
///
/// Source: `struct xdp_frame`, `include/net/xdp.h`.
@frozen
@safe
public struct Frame: ~Copyable, @unchecked Sendable {
  // Safe to send: whoever holds the frame owns its buffers, and the ring between two threads orders the writes.
  /// The frame's first buffer.
  public let descriptor: Descriptor

  /// Takes over a frame that was given up with ``take()``.
  @inlinable
  @inline(__always)
  public init(owning descriptor: Descriptor) {
    self.descriptor = descriptor
  }

  /// The octets of the linear part.
  @inlinable public var linearByteCount: Int { Int(descriptor.byteCount) }

  /// Whether the packet has parts in other buffers.
  @inlinable public var hasFragments: Bool { descriptor.flags.contains(.hasFragments) }

  /// The octets of the whole packet.
  ///
  /// Source: `xdp_get_frame_len()`, `include/net/xdp.h`.
  @inlinable public var byteCount: Int {
    guard hasFragments else { return linearByteCount }
    return linearByteCount &+ Int(descriptor.sharedInfo.fragmentsByteCount)
  }

  /// The number of buffers: 1...18.
  @inlinable public var bufferCount: Int {
    hasFragments ? 1 &+ descriptor.sharedInfo.fragmentCount : 1
  }

  /// The model the frame belongs to.
  @inlinable public var memory: MemoryInfo { descriptor.memory }

  /// The queue the packet arrived by.
  @inlinable public var queue: ReceiveQueueInfo { descriptor.queue }

  /// Gives the frame up to whoever now answers for it, such as a ring.
  @inlinable
  @inline(__always)
  public consuming func take() -> Descriptor {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  /// Ends the frame and sends its buffers home.
  ///
  /// One at a time costs about ten times what ``FrameBulk`` does when the frame belongs to another thread's pool.
  ///
  /// Source: `xdp_return_frame()`, `net/core/xdp.c`.
  @inlinable
  public consuming func recycle(_ reason: DropReason) {
    descriptor.reason = reason.rawValue
    MemoryRegistry.recycle(frame: take())
  }

  @inlinable
  deinit {
    MemoryRegistry.abandon(descriptor)
  }
}
