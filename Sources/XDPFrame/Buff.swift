// SPDX-License-Identifier: Apache-2.0

/// A packet under inspection: one buffer, or the first of several.
///
///     hardStart      metadata   data            dataEnd        hardEnd
///     ├──── headroom ───┼─────────┼── linear part ──┼── tailroom ──┼─ SharedInfo ─┤
///     │◀──────────────────────── frameByteCount ─────────────────────────────────▶│
///
/// Lives in a loop's raw memory and is passed `inout`; one thread at a time. When the packet rests, in a queue or
/// on its way out, it becomes a ``Frame``. Every packet is consumed: taken as a frame or recycled with a reason.
/// One that is dropped goes home and counts as abandoned, which must stay 0.
///
/// The layout is 56 octets, field for field the kernel's, and that of `struct xdpf_buff` in the C ABI.
///
/// Source: `struct xdp_buff`, `include/net/xdp.h`; where the kernel has the transmit queue we keep the
/// redirect's target.
@frozen
@safe
public struct Buff: ~Copyable {
  // Safe: the five pointers stay inside one buffer that this value owns; every change is checked.
  @usableFromInline var packet: UnsafeMutableRawPointer
  @usableFromInline var packetEnd: UnsafeMutableRawPointer
  @usableFromInline var metadataStart: UnsafeMutableRawPointer
  /// The buffer's first octet.
  public let hardStart: UnsafeMutableRawPointer
  /// The queue the packet arrived by.
  public let queue: ReceiveQueueInfo
  /// Where the program wants it redirected; meaningful with the verdict REDIRECT only.
  public var target: RedirectTarget
  /// Octets from ``hardStart`` to the end of the buffer.
  public let frameByteCount: UInt32
  /// What is special about the packet.
  @inlinable public var flags: PacketFlags { marks }
  @usableFromInline var marks: PacketFlags

  /// Describes a packet in a buffer that was just received into.
  ///
  /// - Parameters:
  ///   - descriptor: The buffer, which the packet now owns.
  ///   - queue: Where it arrived.
  ///   - headroom: Octets in front of the packet.
  ///   - byteCount: Octets of the linear part.
  /// - Precondition: Headroom and packet lie inside the buffer.
  ///
  /// Source: `xdp_init_buff()` and `xdp_prepare_buff()`, `include/net/xdp.h`.
  @inlinable
  @inline(__always)
  public init(
    owning descriptor: Descriptor, queue: ReceiveQueueInfo, headroom: Int, byteCount: Int
  ) {
    precondition(
      descriptor.holds(offset: headroom, byteCount: byteCount),
      "A packet lies inside its buffer.")
    unsafe hardStart = descriptor.hardStart
    unsafe packet = hardStart + headroom
    unsafe packetEnd = packet + byteCount
    unsafe metadataStart = packet
    self.queue = queue
    target = RedirectTarget(map: 0, key: 0)
    frameByteCount = descriptor.frameByteCount
    marks = descriptor.flags.intersection(.sharedInfoBeside)
  }

  /// The buffer.
  @inlinable public var descriptor: Descriptor { unsafe Descriptor(holding: hardStart) }

  /// The first packet octet.
  @inlinable public var data: UnsafeMutableRawPointer { unsafe packet }

  /// Just behind the last octet of the linear part.
  @inlinable public var dataEnd: UnsafeMutableRawPointer { unsafe packetEnd }

  /// The octets of the linear part.
  @inlinable public var linearByteCount: Int { unsafe packetEnd - packet }

  /// The octets in front of the packet, metadata included.
  @inlinable public var headroom: Int { unsafe packet - hardStart }

  /// The octets of metadata in front of the packet.
  @inlinable public var metadataByteCount: Int { unsafe max(packet - metadataStart, 0) }

  /// Behind the last octet that the packet may occupy in its buffer.
  ///
  /// Source: `xdp_data_hard_end()`, `include/net/xdp.h`.
  @inlinable public var hardEnd: UnsafeMutableRawPointer {
    let reserved = flags.contains(.sharedInfoBeside) ? 0 : Limits.sharedInfo
    return unsafe hardStart + (Int(frameByteCount) &- reserved)
  }

  /// Whether the packet has parts in other buffers.
  @inlinable public var hasFragments: Bool { flags.contains(.hasFragments) }

  /// The octets of the whole packet.
  ///
  /// Source: `xdp_get_buff_len()`, `include/net/xdp.h`.
  @inlinable public var byteCount: Int {
    guard hasFragments else { return linearByteCount }
    return linearByteCount &+ Int(descriptor.sharedInfo.fragmentsByteCount)
  }

  /// Reads the linear part, bounds-checked.
  @inlinable
  public func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let octets = unsafe UnsafeRawBufferPointer(start: packet, count: linearByteCount)
    return unsafe try body(octets.bytes)
  }

  /// Reads and writes the linear part, bounds-checked.
  @inlinable
  public mutating func withMutableBytes<Result: ~Copyable, Failure: Error>(
    _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let octets = unsafe UnsafeMutableRawBufferPointer(start: packet, count: linearByteCount)
    var span = unsafe octets.mutableBytes
    return try body(&span)
  }

  /// Asks for a redirect.
  ///
  /// - Returns: The verdict to give, ``Verdict/redirect``.
  ///
  /// Source: `bpf_redirect_map()`; the miss is resolved when the verdict is acted on.
  @inlinable
  @inline(__always)
  public mutating func redirect(to target: RedirectTarget) -> Verdict {
    self.target = target
    return .redirect
  }

  /// Gives the packet up to whoever now answers for its buffers.
  @inlinable
  @inline(__always)
  consuming func take() -> Descriptor {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  /// Ends the packet and sends its buffers home.
  @inlinable
  public consuming func recycle(_ reason: DropReason) {
    let frame = Frame(unchecked: consume self)
    frame.recycle(reason)
  }

  @inlinable
  deinit {
    descriptor.flags = flags
    MemoryRegistry.abandon(descriptor)
  }
}
