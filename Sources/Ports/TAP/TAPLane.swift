// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Syscalls
internal import XDPFrame

/// The sending side of one queue; used by whoever holds its lock.
@safe
struct TAPLane: ~Copyable, @unchecked Sendable {
  // Safe: an allocation of this value, a header for each frame of a bulk. Safe to send: whoever holds the lock uses all
  // of it, and keeps nothing.
  private let headers: UnsafeMutableRawPointer
  private let hasHeader: Bool
  private var batch: TAPBatch
  /// Frames that the kernel has a copy of.
  private var sent = FrameBulk()

  /// Makes a lane.
  ///
  /// - Parameters:
  ///   - hasHeader: Whether a ``VirtualHeader`` stands in front of each packet.
  ///   - memory: What most frames lie in; nil where it is not registered.
  ///   - usesRing: Whether io_uring may be used.
  init(hasHeader: Bool, memory: UnsafeMutableRawBufferPointer?, usesRing: Bool) {
    self.hasHeader = hasHeader
    unsafe headers = .allocate(
      byteCount: FrameBulk.capacity * VirtualHeader.byteCount, alignment: 8)
    batch = unsafe TAPBatch(
      capacity: FrameBulk.capacity, pieceLimit: 2 + Limits.fragments, usesRing: usesRing,
      memory: memory)
  }

  deinit {
    unsafe headers.deallocate()
  }

  /// Writes frames; those that the kernel took go home, the others stay and say why.
  ///
  /// - Returns: How many it took, and what it answered to the last that it did not take.
  mutating func transmit(
    _ frames: inout FrameBulk, to file: RawDescriptor, largestPacket: Int
  ) -> (sent: Int, failure: Errno?) {
    let count = frames.moveBack { refusal(of: $0, largestPacket) }
    guard count > 0 else { return (0, nil) }
    for position in 0..<count { lay(unsafe frames.descriptors[position], at: position) }
    batch.write(count, to: file)
    var failure: Errno?
    for position in 0..<count where batch[position] <= 0 {
      let errno = Errno(rawValue: Int32(truncatingIfNeeded: -batch[position]))
      unsafe frames.descriptors[position].reason = DropReason(notWritten: errno).rawValue
      failure = errno
    }
    var position = 0
    frames.moveFrames(into: &sent) { _ in
      defer { position &+= 1 }
      return position < count && batch[position] > 0
    }
    let taken = sent.count
    sent.recycle()
    return (taken, failure)
  }

  /// Why a frame may never be sent; nil if it may.
  @inline(__always)
  private func refusal(of head: Descriptor, _ largestPacket: Int) -> DropReason? {
    let flags = head.flags
    guard flags.rawValue & PacketFlags.uncommon.rawValue != 0 else {
      return Int(head.byteCount) > largestPacket
        ? .mtu : head.byteCount < UInt32(Limits.ethernetHeader) ? .truncated : nil
    }
    return refusalOfUncommon(head, flags, largestPacket)
  }

  @inline(never)
  private func refusalOfUncommon(
    _ head: Descriptor, _ flags: PacketFlags, _ largestPacket: Int
  ) -> DropReason? {
    if flags.contains(.unreadableFragments) { return .transmitError }
    guard let byteCount = head.readableByteCount else { return .truncated }
    guard flags.contains(.segmented) else { return byteCount > largestPacket ? .mtu : nil }
    guard hasHeader else { return .mtu }
    var header = VirtualHeader()
    return header.describe(head, largestPacket: largestPacket)
  }

  /// Lays a frame out: its header, and each of its buffers.
  @inline(__always)
  private func lay(_ head: Descriptor, at position: Int) {
    batch.removePieces(at: position)
    let isCommon = head.flags.rawValue & PacketFlags.uncommon.rawValue == 0
    // Safe: a header's octets in front of the packet are its own headroom.
    if isCommon, hasHeader, unsafe head.data - head.hardStart >= VirtualHeader.byteCount {
      let start = unsafe head.data - VirtualHeader.byteCount
      unsafe VirtualHeader().write(to: start)
      unsafe batch.addPiece(
        start, byteCount: VirtualHeader.byteCount + Int(head.byteCount), to: position)
    } else {
      layUncommon(head, at: position)
    }
  }

  @inline(never)
  private func layUncommon(_ head: Descriptor, at position: Int) {
    if hasHeader {
      var header = VirtualHeader()
      _ = header.describe(head, largestPacket: .max)
      let start = unsafe headers + position * VirtualHeader.byteCount
      unsafe header.write(to: start)
      unsafe batch.addPiece(start, byteCount: VirtualHeader.byteCount, to: position)
    }
    unsafe batch.addPiece(head.data, byteCount: Int(head.byteCount), to: position)
    for part in 0..<head.fragmentCount {
      guard let fragment = head.fragment(at: part) else { continue }
      unsafe batch.addPiece(
        head.buffer(of: fragment).hardStart + Int(fragment.offset),
        byteCount: Int(fragment.byteCount), to: position)
    }
  }
}

extension DropReason {
  /// What it means that a TAP did not take a packet.
  ///
  /// Source: `tun_get_user()`, `drivers/net/tun.c`.
  fileprivate init(notWritten errno: Errno) {
    switch errno {
    case .wouldBlock, .noBufferSpace, .noMemory: self = .transmitFull
    case .ioError: self = .portDown
    case .badFileDescriptorState: self = .portGone
    default: self = .transmitError
    }
  }
}
