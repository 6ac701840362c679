// SPDX-License-Identifier: Apache-2.0

internal import CLinux

// What a program may do to the borders of a packet. A refusal changes nothing.
extension Buff {
  /// Moves the packet's beginning; its metadata moves along.
  ///
  /// New octets in front of the packet are whatever the headroom held.
  ///
  /// - Parameter octets: How far to move it towards the end; negative towards the front of the buffer.
  /// - Throws: ``PacketError/outOfBounds`` where less than 14 octets of the linear part, or less than 40 octets of
  ///   headroom beside the metadata, would be left.
  ///
  /// Source: `bpf_xdp_adjust_head()`, `net/core/filter.c`.
  public mutating func adjustHead(by octets: Int) throws(PacketError) {
    let metadata = metadataByteCount
    let (start, overflows) = headroom.addingReportingOverflow(octets)
    guard !overflows, start >= Limits.frameHeader &+ metadata,
      start <= headroom &+ linearByteCount &- Limits.ethernetHeader
    else { throw .outOfBounds }
    moveMetadata(by: octets, count: metadata)
    unsafe packet += octets
  }

  /// Moves the packet's end.
  ///
  /// New octets are zero. Of a packet with fragments the last one grows, into its own buffer; shrinking sends home
  /// the buffers of fragments that become empty, and reaches the linear part when none is left.
  ///
  /// - Parameter octets: How far to move it; negative shortens the packet.
  /// - Throws: ``PacketError/outOfBounds`` where less than 14 octets would be left, or there is no room;
  ///   ``PacketError/fragmentsCannotGrow`` where the queue does not say how large a fragment's buffer is;
  ///   ``PacketError/unreachable`` where the list of fragments was forged, or the CPU may not write them.
  ///
  /// Source: `bpf_xdp_adjust_tail()`, `net/core/filter.c`.
  public mutating func adjustTail(by octets: Int) throws(PacketError) {
    if hasFragments {
      return octets < 0 ? try shrinkFragments(by: octets) : try growLastFragment(by: octets)
    }
    let (length, overflows) = linearByteCount.addingReportingOverflow(octets)
    guard !overflows, length >= Limits.ethernetHeader, length <= linearByteCount &+ tailroom
    else { throw .outOfBounds }
    if octets > 0 {
      unsafe packetEnd.initializeMemory(as: UInt8.self, repeating: 0, count: octets)
    }
    unsafe packetEnd += octets
  }

  /// Moves the beginning of the metadata in front of the packet.
  ///
  /// New octets are whatever the headroom held.
  ///
  /// - Parameter octets: How far to move it towards the packet; negative makes room for more.
  /// - Throws: ``PacketError/outOfBounds`` where it would leave the headroom, of which 40 octets are reserved;
  ///   ``PacketError/metadataLength`` where the metadata would have a length that it cannot have.
  ///
  /// Source: `bpf_xdp_adjust_meta()`, `net/core/filter.c`. A packet of ours always may have metadata.
  public mutating func adjustMetadata(by octets: Int) throws(PacketError) {
    let (length, overflows) = metadataByteCount.subtractingReportingOverflow(octets)
    guard !overflows, length >= 0, length <= headroom &- Limits.frameHeader else {
      throw .outOfBounds
    }
    guard length & 3 == 0, length <= Limits.metadata else { throw .metadataLength }
    unsafe metadataStart = packet - length
  }

  /// The octets behind the linear part that the packet may grow into.
  @inlinable public var tailroom: Int { unsafe hardEnd - packetEnd }

  /// Moves the metadata with the packet's beginning.
  @inline(__always)
  private mutating func moveMetadata(by octets: Int, count: Int) {
    if count > 0 {
      unsafe (metadataStart + octets).copyMemory(from: metadataStart, byteCount: count)
    }
    unsafe metadataStart += octets
  }
}

extension Buff {
  /// Grows the last fragment into its own buffer.
  private mutating func growLastFragment(by octets: Int) throws(PacketError) {
    let room = Int(queue.fragmentByteCount)
    guard room > 0, room <= Int(frameByteCount) else { throw .fragmentsCannotGrow }
    let last = fragmentCount &- 1
    guard !flags.contains(.unreadableFragments), let fragment = fragment(at: last) else {
      throw .unreachable
    }
    let part = descriptor.buffer(of: fragment)
    let end = Int(fragment.offset) &+ Int(fragment.byteCount)
    let left = min(
      room &- Int(fragment.offset) % room &- Int(fragment.byteCount),
      Int(part.frameByteCount) &- end)
    guard octets <= left else { throw .outOfBounds }
    // Safe: `fragment(at:)` has checked where it ends, and what follows lies in its buffer.
    unsafe (part.hardStart + end).initializeMemory(as: UInt8.self, repeating: 0, count: octets)
    let info = sharedInfo
    unsafe info.fragments[last].byteCount &+= UInt32(truncatingIfNeeded: octets)
    info.fragmentsByteCount &+= UInt32(truncatingIfNeeded: octets)
  }

  /// Shortens the packet from its end; `octets` is negative.
  private mutating func shrinkFragments(by octets: Int) throws(PacketError) {
    guard octets >= Limits.ethernetHeader &- byteCount else { throw .outOfBounds }
    let info = sharedInfo
    let count = fragmentCount
    var kept = count
    var left = 0 &- octets
    while kept > 0, left > 0 {
      guard let fragment = fragment(at: kept &- 1) else { throw .unreachable }
      if left < Int(fragment.byteCount) { break }
      left &-= Int(fragment.byteCount)
      kept &-= 1
    }
    // Only a forged sum of the fragments' lengths can ask for more than there is.
    guard kept > 0 || left <= linearByteCount else { throw .unreachable }
    for position in kept..<count { dropFragment(at: position) }
    info.fragmentCount = kept
    if kept > 0 {
      unsafe info.fragments[kept &- 1].byteCount &-= UInt32(truncatingIfNeeded: left)
      info.fragmentsByteCount &-= UInt32(truncatingIfNeeded: 0 &- octets)
    } else {
      info.fragmentsByteCount = 0
      marks.subtract(.ofFragments)
      unsafe packetEnd -= left
    }
  }

  /// Sends a fragment's buffer home; the list is the caller's to mend.
  ///
  /// Source: `xdp_return_frag()`, `net/core/xdp.c`.
  func dropFragment(at position: Int) {
    // Safe: the position is below the count, and a forged fragment is not ours to return.
    let fragment = unsafe sharedInfo.fragments[position]
    guard fragment.isPart(of: descriptor) else { return }
    let part = descriptor.buffer(of: fragment)
    sharedInfo.fragmentsTrueByteCount &-= part.frameByteCount
    part.leave()
    MemoryRegistry.recycle(part)
  }
}
