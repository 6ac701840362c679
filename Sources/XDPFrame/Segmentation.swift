// SPDX-License-Identifier: Apache-2.0

/// What a sender left to whoever transmits a packet: to cut it into segments, and to finish the checksum of each.
///
/// Such a packet is longer than any that a wire carries. It has ``PacketFlags/segmented``, and this stands in its
/// ``SharedInfo``, whether it has fragments or not.
///
/// Source: `struct virtio_net_hdr`, `include/uapi/linux/virtio_net.h`; `gso_type`, `gso_size` of
/// `struct skb_shared_info` and `csum_start`, `csum_offset` of `struct sk_buff`, `include/linux/skbuff.h`.
@frozen
public struct Segmentation: Equatable, Sendable {
  /// How a packet is to be cut, with the numbers of `VIRTIO_NET_HDR_GSO_`.
  @frozen
  public struct Kind: RawRepresentable, Equatable, Sendable {
    /// The number; the highest bit says that the first segment alone carries the mark of congestion.
    public let rawValue: UInt8

    /// A way to cut by its number.
    @inlinable
    public init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    /// TCP over IPv4.
    @inlinable public static var tcpIPv4: Kind { Kind(rawValue: 1) }
    /// TCP over IPv6.
    @inlinable public static var tcpIPv6: Kind { Kind(rawValue: 4) }
    /// UDP, a datagram of its own from each segment.
    @inlinable public static var udp: Kind { Kind(rawValue: 5) }
  }

  /// How the packet is to be cut.
  public var kind: Kind
  /// The octets of payload of each segment but the last.
  public var segmentByteCount: UInt16
  /// Where the transport header begins, from which each checksum is summed, in octets from the packet's first.
  ///
  /// Negative when a program has cut that header off.
  public var checksumStart: Int
  /// Where the checksum stands from there.
  public var checksumOffset: Int

  /// Says how a packet is to be cut.
  @inlinable
  public init(kind: Kind, segmentByteCount: UInt16, checksumStart: Int, checksumOffset: Int) {
    self.kind = kind
    self.segmentByteCount = segmentByteCount
    self.checksumStart = checksumStart
    self.checksumOffset = checksumOffset
  }
}

extension Buff {
  /// How the packet is to be cut; nil for an ordinary one.
  public var segmentation: Segmentation? {
    guard marks.contains(.segmented) else { return nil }
    return sharedInfo.segmentation(packetOffset: headroom)
  }

  /// Makes the packet one that is to be cut.
  ///
  /// - Precondition: The packet has left its tailroom alone.
  public mutating func markSegmented(_ segmentation: Segmentation) {
    unsafe precondition(packetEnd <= hardEnd, "The shared info needs the room behind the packet.")
    sharedInfo.note(segmentation, packetOffset: headroom)
    marks.insert(.segmented)
  }
}

extension Descriptor {
  /// Makes the frame at rest that begins in this buffer one that is to be cut.
  func markSegmented(_ segmentation: Segmentation) {
    sharedInfo.note(segmentation, packetOffset: unsafe data - hardStart)
    flags.insert(.segmented)
  }

  /// How the frame at rest that begins in this buffer is to be cut; nil for an ordinary one.
  public var segmentation: Segmentation? {
    guard flags.contains(.segmented) else { return nil }
    return sharedInfo.segmentation(packetOffset: unsafe data - hardStart)
  }
}

extension SharedInfo {
  /// Where the transport header begins is kept from the buffer's first octet, so that it stays true when the packet's
  /// beginning moves.
  fileprivate func segmentation(packetOffset: Int) -> Segmentation {
    unsafe Segmentation(
      kind: Segmentation.Kind(rawValue: memory.load(fromByteOffset: 24, as: UInt8.self)),
      segmentByteCount: memory.load(fromByteOffset: 4, as: UInt16.self),
      checksumStart: Int(memory.load(fromByteOffset: 28, as: UInt16.self)) &- packetOffset,
      checksumOffset: Int(memory.load(fromByteOffset: 30, as: UInt16.self)))
  }

  fileprivate func note(_ segmentation: Segmentation, packetOffset: Int) {
    let start = UInt16(truncatingIfNeeded: segmentation.checksumStart &+ packetOffset)
    let offset = UInt16(truncatingIfNeeded: segmentation.checksumOffset)
    unsafe memory.storeBytes(
      of: UInt32(segmentation.kind.rawValue), toByteOffset: 24, as: UInt32.self)
    unsafe memory.storeBytes(of: segmentation.segmentByteCount, toByteOffset: 4, as: UInt16.self)
    unsafe memory.storeBytes(of: start, toByteOffset: 28, as: UInt16.self)
    unsafe memory.storeBytes(of: offset, toByteOffset: 30, as: UInt16.self)
  }

  /// Follows a packet that moves within its buffer.
  func moveChecksumStart(by octets: Int) {
    let start = unsafe memory.load(fromByteOffset: 28, as: UInt16.self)
    unsafe memory.storeBytes(
      of: start &+ UInt16(truncatingIfNeeded: octets), toByteOffset: 28, as: UInt16.self)
  }
}
