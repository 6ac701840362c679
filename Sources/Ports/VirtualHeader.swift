// SPDX-License-Identifier: Apache-2.0

internal import Wire
internal import XDPFrame

/// What stands in front of a packet on its way between a kernel and a virtual device: the work that its sender left.
///
///     0 flags u8 · 1 kind u8 · 2 header octets u16 · 4 segment octets u16 · 6 checksum start u16 · 8 offset u16
///
/// Source: `struct virtio_net_hdr`, `include/uapi/linux/virtio_net.h`; in the machine's own order of octets.
struct VirtualHeader: Equatable {
  /// The octets of a header.
  static let byteCount = 10
  /// The checksum is to be finished, `VIRTIO_NET_HDR_F_NEEDS_CSUM`.
  static let needsChecksum: UInt8 = 1

  var flags: UInt8 = 0
  var kind: UInt8 = 0
  var headerByteCount: UInt16 = 0
  var segmentByteCount: UInt16 = 0
  var checksumStart: UInt16 = 0
  var checksumOffset: UInt16 = 0

  /// The header of a packet that needs nothing.
  init() {}

  /// Reads a header.
  @unsafe init(reading memory: UnsafeRawPointer) {
    flags = unsafe memory.load(as: UInt8.self)
    kind = unsafe memory.load(fromByteOffset: 1, as: UInt8.self)
    headerByteCount = unsafe memory.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
    segmentByteCount = unsafe memory.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
    checksumStart = unsafe memory.loadUnaligned(fromByteOffset: 6, as: UInt16.self)
    checksumOffset = unsafe memory.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
  }

  /// Writes the header.
  @unsafe func write(to memory: UnsafeMutableRawPointer) {
    unsafe memory.storeBytes(of: flags, as: UInt8.self)
    unsafe memory.storeBytes(of: kind, toByteOffset: 1, as: UInt8.self)
    unsafe memory.storeBytes(of: headerByteCount, toByteOffset: 2, as: UInt16.self)
    unsafe memory.storeBytes(of: segmentByteCount, toByteOffset: 4, as: UInt16.self)
    unsafe memory.storeBytes(of: checksumStart, toByteOffset: 6, as: UInt16.self)
    unsafe memory.storeBytes(of: checksumOffset, toByteOffset: 8, as: UInt16.self)
  }

  /// Whether the packet is as it would be on a wire.
  var isPlain: Bool { flags & VirtualHeader.needsChecksum == 0 && kind == 0 }
}

// MARK: - Receiving

extension VirtualHeader {
  /// Does what can be done now, and leaves the rest to whoever transmits the packet.
  ///
  /// A checksum is finished, so that programs and wires see a whole packet. A packet that is to be cut stays one, and
  /// remembers how.
  ///
  /// - Returns: false when the header does not fit the packet.
  func apply(to packet: inout Buff) -> Bool {
    guard !isPlain else { return true }
    let (start, offset) = (Int(checksumStart), Int(checksumOffset))
    guard flags & VirtualHeader.needsChecksum != 0, start + offset + 2 <= packet.linearByteCount
    else { return false }
    guard kind == 0 else {
      packet.markSegmented(
        Segmentation(
          kind: Segmentation.Kind(rawValue: kind), segmentByteCount: segmentByteCount,
          checksumStart: start, checksumOffset: offset))
      return segmentByteCount > 0
    }
    packet.finishChecksum(from: start, at: start + offset)
    return true
  }
}

extension Buff {
  /// Sums the packet from an offset on, over all of its buffers, and writes the checksum.
  ///
  /// The field holds the sum of the pseudo-header already, and lies in the linear part.
  ///
  /// Source: `skb_checksum_help()`, `net/core/dev.c`.
  fileprivate mutating func finishChecksum(from start: Int, at field: Int) {
    var checksum = Checksum()
    // Safe: the caller has compared both offsets with the linear part.
    unsafe checksum.add(data + start, byteCount: linearByteCount - start)
    for position in 0..<fragmentCount {
      withFragment(at: position) { checksum.add($0) }
    }
    let value = checksum.valueForUDP
    unsafe data.storeBytes(of: value.bigEndian, toByteOffset: field, as: UInt16.self)
  }
}

// MARK: - Transmitting

extension VirtualHeader {
  /// The header with which a frame leaves, once it is clear that it may.
  ///
  /// - Parameters:
  ///   - head: The frame's first buffer.
  ///   - largestPacket: Octets of the largest packet that the interface carries, once cut.
  /// - Returns: Why the frame may not leave like that, otherwise nil with the header written.
  mutating func describe(_ head: Descriptor, largestPacket: Int) -> DropReason? {
    guard let cut = head.segmentation else { return nil }
    let linear = Int(head.byteCount)
    guard cut.checksumStart >= Limits.ethernetHeader, cut.segmentByteCount > 0,
      cut.checksumStart + cut.checksumOffset + 2 <= linear
    else { return .transmitError }
    let headers = VirtualHeader.headerByteCount(of: head, cut)
    guard headers <= linear else { return .transmitError }
    guard headers + Int(cut.segmentByteCount) <= largestPacket else { return .mtu }
    flags = VirtualHeader.needsChecksum
    kind = cut.kind.rawValue
    headerByteCount = UInt16(truncatingIfNeeded: headers)
    segmentByteCount = cut.segmentByteCount
    checksumStart = UInt16(truncatingIfNeeded: cut.checksumStart)
    checksumOffset = UInt16(truncatingIfNeeded: cut.checksumOffset)
    return nil
  }

  /// The octets in front of the payload, which each segment gets a copy of.
  ///
  /// Read from the packet, because a program may have lengthened its headers.
  private static func headerByteCount(of head: Descriptor, _ cut: Segmentation) -> Int {
    guard cut.kind != .udp else { return cut.checksumStart + 8 }
    let words = cut.checksumStart + 12
    guard words < Int(head.byteCount) else { return .max }
    // Safe: compared with the linear part just before.
    return cut.checksumStart + Int(
      unsafe head.data.load(fromByteOffset: words, as: UInt8.self) >> 4) * 4
  }
}
