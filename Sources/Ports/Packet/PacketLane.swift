// SPDX-License-Identifier: Apache-2.0

internal import Syscalls
internal import XDPFrame

/// A queue's socket, and the sending side of its rings; used by whoever holds its lock.
struct PacketLane: ~Copyable, @unchecked Sendable {
  // Safe to send: whoever holds the lock uses all of it, and keeps nothing.
  /// The rings; exchanged by the queue's thread alone, which reads in them without the lock.
  private(set) var rings: PacketRings?
  private let hasHeader: Bool
  /// Whether the kernel cuts what is still to be cut.
  private let sendsSegmented: Bool
  /// The slot that is filled next.
  private var next = 0
  /// Whether slots wait for another call.
  private(set) var isKickPending = false
  /// Frames that were copied into slots.
  private var sent = FrameBulk()
  /// Packets that former sockets, and this one so far, had no room for.
  private var dropped: UInt64 = 0

  init(_ options: PacketOptions) {
    hasHeader = options.offload != .none
    sendsSegmented = options.offload == .segmentation
  }

  /// Takes rings up, or lets them go.
  mutating func exchange(_ fresh: PacketRings?) {
    _ = takeDropped()
    rings = fresh
    next = 0
    isKickPending = false
  }

  /// Packets that the kernel had no room for.
  mutating func takeDropped() -> UInt64 {
    dropped &+= rings?.takeDropped() ?? 0
    return dropped
  }

  /// Copies frames into slots and makes the kernel send them; those that were copied go home, the others stay and say
  /// why.
  ///
  /// - Returns: How many were copied, and what the kernel answered if it did not send them.
  ///
  /// Source: `tpacket_snd()`, `net/packet/af_packet.c`, from the other side.
  mutating func transmit(
    _ frames: inout FrameBulk, largestPacket: Int
  ) -> (sent: Int, failure: Errno?) {
    guard let reference = unsafe rings.map(Unmanaged.passUnretained) else {
      frames.refuse(from: 0, .portGone)
      return (0, nil)
    }
    // Safe: the rings are this value's own, and nobody exchanges them meanwhile.
    let copied = unsafe reference._withUnsafeGuaranteedRef {
      copy(&frames, into: $0, largestPacket: largestPacket)
    }
    return (copied, kick())
  }

  /// Copies frames into slots, as far as there are some.
  private mutating func copy(
    _ frames: inout FrameBulk, into rings: PacketRings, largestPacket: Int
  ) -> Int {
    let room = rings.slotByteCount - PacketRings.slotHeaderByteCount - VirtualHeader.byteCount
    let count = frames.moveBack {
      refusal(of: $0, largestPacket: min(largestPacket, room), room: room)
    }
    var copied = 0
    while copied < count, isFree(next, in: rings) {
      fill(next, of: rings, with: unsafe frames.descriptors[copied])
      next = next + 1 == rings.slotCount ? 0 : next + 1
      copied += 1
    }
    for position in copied..<count {
      unsafe frames.descriptors[position].reason = DropReason.transmitFull.rawValue
    }
    var left = copied
    frames.moveFrames(into: &sent) { _ in
      defer { left -= 1 }
      return left > 0
    }
    sent.recycle()
    return copied
  }

  /// Makes the kernel send what stands in the slots.
  mutating func kick() -> Errno? {
    let failure = rings?.kick()
    isKickPending = failure != nil
    return failure
  }

  /// Whether a slot may be filled.
  @inline(__always)
  private func isFree(_ slot: Int, in rings: PacketRings) -> Bool {
    let state = rings.state(of: slot)
    guard state == .requested else { return state == .available }
    // Left behind by a call that failed.
    _ = rings.kick()
    return rings.state(of: slot) == .available
  }

  /// Whether the kernel still has frames to send.
  func isTransmitting() -> Bool {
    guard let rings else { return false }
    return (0..<rings.slotCount).contains {
      let state = rings.state(of: $0)
      return state == .requested || state == .sending
    }
  }
}

// MARK: - Frames

extension PacketLane {
  /// Why a frame may never be sent; nil if it may.
  @inline(__always)
  private func refusal(of head: Descriptor, largestPacket: Int, room: Int) -> DropReason? {
    let flags = head.flags
    guard flags.rawValue & PacketFlags.uncommon.rawValue != 0 else {
      return Int(head.byteCount) > largestPacket
        ? .mtu : head.byteCount < UInt32(Limits.ethernetHeader) ? .truncated : nil
    }
    return refusalOfUncommon(head, flags, largestPacket, room)
  }

  @inline(never)
  private func refusalOfUncommon(
    _ head: Descriptor, _ flags: PacketFlags, _ largestPacket: Int, _ room: Int
  ) -> DropReason? {
    if flags.contains(.unreadableFragments) { return .transmitError }
    guard let byteCount = head.readableByteCount else { return .truncated }
    guard flags.contains(.segmented) else { return byteCount > largestPacket ? .mtu : nil }
    guard sendsSegmented, byteCount <= room else { return .mtu }
    var header = VirtualHeader()
    return header.describe(head, largestPacket: largestPacket)
  }

  /// Writes a frame into a slot and hands it over.
  private func fill(_ slot: Int, of rings: PacketRings, with head: Descriptor) {
    // Safe: the frame was compared with the room of a slot.
    let start = unsafe rings.slot(slot)
    let packet = unsafe start + PacketRings.slotHeaderByteCount
    var byteCount = head.readableByteCount ?? 0
    unsafe head.copyOctets(
      to: UnsafeMutableRawBufferPointer(
        start: packet + (hasHeader ? VirtualHeader.byteCount : 0), count: byteCount))
    if hasHeader {
      var header = VirtualHeader()
      _ = header.describe(head, largestPacket: .max)
      unsafe header.write(to: packet)
      byteCount += VirtualHeader.byteCount
    }
    unsafe start.storeBytes(of: 0, toByteOffset: 0, as: UInt32.self)
    unsafe start.storeBytes(of: UInt32(byteCount), toByteOffset: 16, as: UInt32.self)
    rings.setState(.requested, of: slot)
  }
}
