// SPDX-License-Identifier: Apache-2.0

extension Buff {
  /// Where the packet's fragments are listed; meaningful only with ``hasFragments``.
  @inlinable public var sharedInfo: SharedInfo { descriptor.sharedInfo }

  /// The number of fragments, 0...17.
  @inlinable public var fragmentCount: Int { hasFragments ? sharedInfo.fragmentCount : 0 }

  /// Adds a buffer to the end of the packet.
  ///
  /// A buffer whose descriptor says that the CPU may not read it makes the packet one with unreadable fragments. Where
  /// the last fragment is the other half of the same page and ends where this one begins, it grows instead.
  ///
  /// - Parameters:
  ///   - storage: The buffer; the packet owns it from here on.
  ///   - offset: Where the octets begin in it.
  ///   - byteCount: How many there are, 1 or more.
  /// - Returns: nil, or the buffer handed back because the packet already has 17 fragments.
  /// - Precondition: The octets lie inside the buffer, and the packet has left its tailroom alone.
  ///
  /// Source: `xdp_buff_add_frag()`, `include/net/xdp.h`.
  @inlinable
  public mutating func addFragment(
    _ storage: consuming Storage, offset: Int, byteCount: Int
  )
    -> Storage?
  {
    let part = storage.take()
    precondition(
      byteCount > 0 && part.holds(offset: offset, byteCount: byteCount),
      "A fragment's octets lie inside its buffer.")
    let info = sharedInfo
    if !hasFragments {
      unsafe precondition(
        packetEnd <= hardEnd, "The list of fragments needs the room behind the packet.")
      info.reset()
      marks.insert(.hasFragments)
    }
    let count = info.writtenFragmentCount
    // Only the second half of a page, and a page begins with an even granule, can continue a fragment.
    if part.index & 1 != 0,
      extendLastFragment(by: part, offset: offset, byteCount: byteCount)
    {
      return nil
    }
    guard count < Limits.fragments else { return Storage(owning: part) }
    part.join(descriptor)
    if !part.flags.isDisjoint(with: .ofBuffer) {
      marks.formUnion(part.flags.intersection(.ofBuffer))
    }
    unsafe info.fragments[count] = Fragment(
      slot: Slot(part), offset: UInt32(truncatingIfNeeded: offset),
      byteCount: UInt32(truncatingIfNeeded: byteCount))
    info.fragmentCount = count &+ 1
    info.fragmentsByteCount &+= UInt32(truncatingIfNeeded: byteCount)
    info.fragmentsTrueByteCount &+= part.frameByteCount
    return nil
  }

  /// Lets the last fragment grow over the buffer behind it, if they are one page's and the octets adjacent.
  ///
  /// - Returns: Whether it did; the buffer is part of the packet then.
  ///
  /// Source: `skb_can_coalesce()`, `include/linux/skbuff.h`, as `xdp_buff_add_frag()` asks it.
  @usableFromInline
  @inline(never)
  mutating func extendLastFragment(by part: Descriptor, offset: Int, byteCount: Int) -> Bool {
    guard offset == 0 else { return false }
    let info = sharedInfo
    let last = info.fragmentCount &- 1
    // A list that was forged is not continued.
    guard let fragment = fragment(at: last), fragment.slot.index &+ 1 == part.index else {
      return false
    }
    let first = descriptor.buffer(of: fragment)
    guard fragment.offset &+ fragment.byteCount == first.frameByteCount, first.absorb(part) else {
      return false
    }
    // Safe: the position is that of a fragment.
    unsafe info.fragments[last].byteCount &+= UInt32(truncatingIfNeeded: byteCount)
    info.fragmentsByteCount &+= UInt32(truncatingIfNeeded: byteCount)
    info.fragmentsTrueByteCount &+= part.frameByteCount
    return true
  }

  /// The fragment at `position`, checked: a buffer that this packet owns, and octets inside it.
  ///
  /// A tailroom is program memory, so what stands there is believed only after this.
  ///
  /// - Returns: nil when there is no such fragment, or what stands there is forged.
  @inlinable
  public func fragment(at position: Int) -> Fragment? {
    guard position >= 0, position < fragmentCount else { return nil }
    // Safe: the position is below 17, the length of the list.
    let fragment = unsafe sharedInfo.fragments[position]
    return fragment.isPart(of: descriptor) ? fragment : nil
  }

  /// Reads the octets of one fragment, bounds-checked.
  ///
  /// - Returns: nil when there is no such fragment, or the CPU may not read it.
  @inlinable
  public func withFragment<Result>(at position: Int, _ body: (RawSpan) -> Result) -> Result? {
    guard !flags.contains(.unreadableFragments), let fragment = fragment(at: position) else {
      return nil
    }
    // Safe: `fragment(at:)` has checked buffer, offset and length.
    let part = unsafe Descriptor(base: descriptor.base, index: fragment.slot.index)
    let octets = unsafe UnsafeRawBufferPointer(
      start: part.hardStart + Int(fragment.offset), count: Int(fragment.byteCount))
    return unsafe body(octets.bytes)
  }
}

extension Fragment {
  /// Whether the fragment is a buffer of the frame `head`, and its octets lie inside that buffer.
  @inlinable
  @inline(__always)
  func isPart(of head: Descriptor) -> Bool {
    // Safe: any 32-bit index names a line of the descriptor table or the guard-free rest of the trusted region.
    guard slot.index < Descriptor.limit else { return false }
    guard let part = unsafe slot.descriptor(base: head.base), part.head == head.index else {
      return false
    }
    let (end, overflows) = offset.addingReportingOverflow(byteCount)
    return !overflows && end <= part.frameByteCount
  }
}
