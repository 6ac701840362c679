// SPDX-License-Identifier: Apache-2.0

extension Frame {
  /// Lets a packet rest.
  ///
  /// - Returns: nil when less than 40 octets of headroom are left beside the metadata, or the packet reaches into
  ///   the tailroom. Its buffers have then gone home.
  ///
  /// An XSK chunk rests where it is, and is missing from its socket meanwhile; see ``init(copying:into:)``.
  ///
  /// Source: `xdp_convert_buff_to_frame()`, `include/net/xdp.h`. The kernel copies XSK chunks, because its pool does not
  /// outlive the socket; ours lives until the last chunk is home.
  @inlinable
  @inline(__always)
  public init?(_ buff: consuming Buff) {
    guard buff.mayRest else {
      buff.recycle(.tailroom)
      return nil
    }
    self.init(unchecked: buff)
  }

  /// Lets a packet rest whose room does not matter, because it is on its way home.
  @inlinable
  @inline(__always)
  init(unchecked buff: consuming Buff) {
    buff.describe()
    self.init(owning: buff.take())
  }
}

extension Buff {
  /// Looks into a frame again, on whatever thread now holds it.
  ///
  /// The packet knows the queue it arrived by, so that its fragments may grow wherever they could there.
  ///
  /// Source: `xdp_convert_frame_to_buff()`, `include/net/xdp.h`. The kernel's frame does not carry the queue.
  @inlinable
  @inline(__always)
  public init(_ frame: consuming Frame) {
    let descriptor = frame.take()
    let base = unsafe descriptor.base
    unsafe hardStart = descriptor.hardStart
    unsafe packet = descriptor.data
    unsafe packetEnd = packet + Int(descriptor.byteCount)
    unsafe metadataStart = packet - Int(descriptor.metadataByteCount)
    unsafe queue = ReceiveQueueInfo(base: base, number: descriptor.queueNumber)
    target = RedirectTarget(map: 0, key: 0)
    frameByteCount = descriptor.frameByteCount
    marks = descriptor.flags
  }

  /// Asks whether the packet leaves the room that a frame needs.
  ///
  /// - Throws: ``PacketError/noFrameRoom``.
  ///
  /// Source: `xdp_update_frame_from_buff()`, `include/net/xdp.h`.
  public func checkFrameRoom() throws(PacketError) {
    guard mayRest else { throw .noFrameRoom }
  }

  /// Whether the packet leaves the room that a frame needs.
  @inlinable var mayRest: Bool {
    @inline(__always) get {
      unsafe packetEnd <= hardEnd && headroom &- metadataByteCount >= Limits.frameHeader
    }
  }

  /// Writes what a frame keeps into the descriptor.
  @inlinable
  @inline(__always)
  func describe() {
    let descriptor = descriptor
    descriptor.dataOffset = unsafe UInt32(truncatingIfNeeded: UInt(bitPattern: packet))
    descriptor.byteCount = UInt32(truncatingIfNeeded: linearByteCount)
    descriptor.metadataByteCount = UInt8(truncatingIfNeeded: metadataByteCount)
    descriptor.flags = flags
    descriptor.queueNumber = queue.number
  }
}
