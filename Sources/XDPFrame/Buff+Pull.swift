// SPDX-License-Identifier: Apache-2.0

extension Buff {
  /// Makes the first octets of the packet lie side by side in its first buffer.
  ///
  /// They are copied behind the linear part; where the tailroom is too small for them, the linear part and its metadata
  /// move towards the front first. Buffers of fragments that become empty go home. Pointers into the packet are stale
  /// afterwards.
  ///
  /// - Parameter count: How many octets are to be linear; 0 or more.
  /// - Throws: ``PacketError/outOfBounds`` where the packet is shorter, or the buffer too small;
  ///   ``PacketError/unreachable`` where the list of fragments was forged, or the CPU may not read them. Nothing was
  ///   changed then.
  ///
  /// Source: `bpf_xdp_pull_data()`, `net/core/filter.c`.
  public mutating func pullData(_ count: Int) throws(PacketError) {
    guard 0...byteCount ~= count else { throw .outOfBounds }
    let missing = count &- linearByteCount
    guard missing > 0 else { return }
    let shift = max(missing &- tailroom, 0)
    guard shift <= headroom &- metadataByteCount &- Limits.frameHeader else { throw .outOfBounds }
    // A walk that copies nothing finds a forged fragment while everything is as it was.
    try unsafe forEachPiece(from: linearByteCount, count: missing) { _, _, _ in }
    if shift > 0 { moveLinearPart(by: 0 &- shift) }
    let end = unsafe packetEnd
    try unsafe forEachPiece(from: linearByteCount, count: missing) { piece, done, count in
      unsafe (end + done).copyMemory(from: piece, byteCount: count)
    }
    dropFirstOctetsOfFragments(missing)
    unsafe packetEnd += missing
  }

  private mutating func moveLinearPart(by octets: Int) {
    unsafe (metadataStart + octets).copyMemory(
      from: metadataStart, byteCount: packetEnd - metadataStart)
    unsafe metadataStart += octets
    unsafe packet += octets
    unsafe packetEnd += octets
    if marks.contains(.segmented) { sharedInfo.moveChecksumStart(by: octets) }
  }

  /// Shortens the fragments from the front; as many octets are there.
  private mutating func dropFirstOctetsOfFragments(_ octets: Int) {
    let info = sharedInfo
    let fragments = unsafe info.fragments
    let count = info.fragmentCount
    var gone = 0
    var left = octets
    while gone < count, unsafe left >= Int(fragments[gone].byteCount) {
      unsafe left &-= Int(fragments[gone].byteCount)
      dropFragment(at: gone)
      gone &+= 1
    }
    for position in gone..<count { unsafe fragments[position &- gone] = fragments[position] }
    info.fragmentCount = count &- gone
    info.fragmentsByteCount &-= UInt32(truncatingIfNeeded: octets)
    if gone == count { return marks.subtract(.ofFragments) }
    unsafe fragments[0].offset &+= UInt32(truncatingIfNeeded: left)
    unsafe fragments[0].byteCount &-= UInt32(truncatingIfNeeded: left)
  }
}
