// SPDX-License-Identifier: Apache-2.0

// Octets by their place in the packet, whichever buffer they lie in.
extension Buff {
  /// The farthest octet that the kernel's helpers look at, and the most octets at once.
  private static var farthest: Int { 0xFFFF }

  /// Copies octets out of the packet, over the borders of its buffers.
  ///
  /// - Parameters:
  ///   - offset: Where to begin, 0...65535.
  ///   - destination: Where to put them; 65535 octets at most.
  /// - Throws: ``PacketError/outOfBounds`` where the packet is shorter; ``PacketError/unreachable`` beyond 65535, or
  ///   where the octets lie in fragments that the CPU may not read or whose list was forged. Then the octets in
  ///   front of the forged fragment were copied.
  ///
  /// Source: `bpf_xdp_load_bytes()`, `net/core/filter.c`.
  public func load(
    from offset: Int, into destination: UnsafeMutableRawBufferPointer
  ) throws(PacketError) {
    try checkRange(offset, destination.count)
    guard let start = destination.baseAddress else { return }
    try unsafe forEachPiece(from: offset, count: destination.count) { piece, done, count in
      unsafe (start + done).copyMemory(from: piece, byteCount: count)
    }
  }

  /// Copies octets into the packet, over the borders of its buffers.
  ///
  /// - Parameters:
  ///   - source: The octets; 65535 at most.
  ///   - offset: Where to begin, 0...65535.
  /// - Throws: As ``load(from:into:)``.
  ///
  /// Source: `bpf_xdp_store_bytes()`, `net/core/filter.c`.
  public mutating func store(
    _ source: UnsafeRawBufferPointer, at offset: Int
  ) throws(PacketError) {
    try checkRange(offset, source.count)
    guard let start = source.baseAddress else { return }
    try unsafe forEachPiece(from: offset, count: source.count) { piece, done, count in
      unsafe piece.copyMemory(from: start + done, byteCount: count)
    }
  }

  /// The address of octets that lie side by side in one buffer.
  ///
  /// - Parameters:
  ///   - offset: Where they begin, 0...65535.
  ///   - count: How many, 0...65535.
  /// - Returns: nil where they lie in more than one buffer.
  /// - Throws: As ``load(from:into:)``.
  ///
  /// Source: `bpf_xdp_pointer()`, `net/core/filter.c`.
  public func pointer(
    at offset: Int, count: Int
  ) throws(PacketError) -> UnsafeMutableRawPointer? {
    try checkRange(offset, count)
    guard offset >= linearByteCount, hasFragments else {
      return unsafe offset &+ count <= linearByteCount ? packet + offset : nil
    }
    if flags.contains(.unreadableFragments) { throw .unreachable }
    var skip = offset &- linearByteCount
    for position in 0..<fragmentCount {
      guard let fragment = fragment(at: position) else { throw .unreachable }
      let length = Int(fragment.byteCount)
      if skip < length { return unsafe skip &+ count <= length ? octets(of: fragment) + skip : nil }
      skip &-= length
    }
    return nil
  }

  /// Copies octets of any part of the packet, also beyond those that the kernel's helpers look at.
  ///
  /// - Parameters:
  ///   - offset: Where to begin.
  ///   - destination: Where to put them.
  /// - Returns: Whether the packet has that many octets there, and the CPU may read them. If not, `destination` is
  ///   left alone, but for what stands in front of an unreadable or forged fragment.
  ///
  /// Source: `bpf_xdp_copy_buf()`, `net/core/filter.c`.
  public func copyBytes(from offset: Int, to destination: UnsafeMutableRawBufferPointer) -> Bool {
    guard 0...byteCount ~= offset, destination.count <= byteCount &- offset else { return false }
    guard let start = destination.baseAddress else { return true }
    do {
      try unsafe forEachPiece(from: offset, count: destination.count) { piece, done, count in
        unsafe (start + done).copyMemory(from: piece, byteCount: count)
      }
    } catch {
      return false
    }
    return true
  }

  /// Overwrites octets of any part of the packet, also beyond those that the kernel's helpers look at.
  ///
  /// - Parameters:
  ///   - source: The octets.
  ///   - offset: Where to begin.
  /// - Returns: Whether the packet has that many octets there, and the CPU may read them. If not, the packet is left
  ///   alone, but for what stands in front of an unreadable or forged fragment.
  ///
  /// Source: `bpf_xdp_copy_buf()`, `net/core/filter.c`.
  public mutating func storeBytes(_ source: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    guard 0...byteCount ~= offset, source.count <= byteCount &- offset else { return false }
    guard let start = source.baseAddress else { return true }
    do {
      try unsafe forEachPiece(from: offset, count: source.count) { piece, done, count in
        unsafe piece.copyMemory(from: start + done, byteCount: count)
      }
    } catch {
      return false
    }
    return true
  }

  private func checkRange(_ offset: Int, _ count: Int) throws(PacketError) {
    guard 0...Buff.farthest ~= offset, 0...Buff.farthest ~= count else { throw .unreachable }
    guard offset &+ count <= byteCount else { throw .outOfBounds }
  }

  /// Calls `body` with each piece of the range: its address, how many octets came before, and its length.
  @inline(__always)
  func forEachPiece(
    from offset: Int, count: Int, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
  ) throws(PacketError) {
    var skip = offset
    var done = 0
    unsafe visit(packet, linearByteCount, &skip, &done, count, body)
    guard done < count else { return }
    if flags.contains(.unreadableFragments) { throw .unreachable }
    var position = 0
    while done < count {
      guard let fragment = fragment(at: position) else { throw .unreachable }
      unsafe visit(octets(of: fragment), Int(fragment.byteCount), &skip, &done, count, body)
      position &+= 1
    }
  }

  /// Where the octets of a checked fragment begin.
  private func octets(of fragment: Fragment) -> UnsafeMutableRawPointer {
    unsafe descriptor.buffer(of: fragment).hardStart + Int(fragment.offset)
  }

  @inline(__always)
  private func visit(
    _ start: UnsafeMutableRawPointer, _ length: Int, _ skip: inout Int, _ done: inout Int,
    _ count: Int, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
  ) {
    guard skip < length else {
      skip &-= length
      return
    }
    let piece = min(length &- skip, count &- done)
    unsafe body(start + skip, done, piece)
    done &+= piece
    skip = 0
  }
}
