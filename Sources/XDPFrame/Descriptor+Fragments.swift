// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

extension Descriptor {
  /// The fragments of the frame at rest that begins in this buffer, 0...17.
  @inlinable public var fragmentCount: Int {
    flags.contains(.hasFragments) ? sharedInfo.fragmentCount : 0
  }

  /// One fragment of the frame at rest that begins in this buffer, checked as ``Buff/fragment(at:)`` does.
  ///
  /// - Parameter position: 0 up to ``fragmentCount``.
  /// - Returns: nil when there is no such fragment, or what stands there is forged.
  @inlinable
  public func fragment(at position: Int) -> Fragment? {
    guard position >= 0, position < fragmentCount else { return nil }
    // Safe: the position is below 17, the length of the list.
    let fragment = unsafe sharedInfo.fragments[position]
    return fragment.isPart(of: self) ? fragment : nil
  }

  /// The buffer that a fragment of this frame lies in.
  ///
  /// - Precondition: The fragment came from ``fragment(at:)``, which has checked it.
  @inlinable
  @inline(__always)
  public func buffer(of fragment: Fragment) -> Descriptor {
    unsafe Descriptor(base: base, index: fragment.slot.index)
  }
}

/// How a buffer becomes part of a frame, and leaves it again; whoever holds the frame calls these.
extension Descriptor {
  /// Makes the buffer a fragment of the frame that begins in `head`.
  ///
  /// It notes the life of that frame too, so that a fragment which a forged list left behind is told from one whose
  /// frame still lives; see ``holder``.
  @inlinable
  @inline(__always)
  func join(_ head: Descriptor) {
    self.head = head.index
    setOwner(.receive, number: head.generation)
  }

  /// Takes in the other half of the same page, so that one fragment covers both.
  ///
  /// Two buffers of a model that counts the users of its pages become one until this one leaves its frame: the page has
  /// a user less, and the other half is held by whoever holds this one. Buffers of other models remain two.
  ///
  /// - Parameter sibling: The second half, whole; nobody but the caller holds it.
  /// - Returns: Whether it was taken in.
  func absorb(_ sibling: Descriptor) -> Bool {
    let octets = UInt32(truncatingIfNeeded: Limits.granule)
    guard frameByteCount == octets, sibling.frameByteCount == octets, sibling.memory == memory,
      unsafe users.pointee.load(ordering: .relaxed) > 1
    else { return false }
    // Not the last user, so that nothing needs to be ordered behind it.
    unsafe users.pointee.subtract(1, ordering: .relaxed)
    frameByteCount = 2 &* octets
    flags.insert(.holdsSibling)
    sibling.join(self)
    return true
  }

  /// Makes the buffer part of no frame, so that a list which names it a second time is not believed.
  ///
  /// The half of a page that the fragment had grown over is free afterwards: its user went when that happened.
  @inlinable
  @inline(__always)
  public func leave() {
    head = 0
    if flags.contains(.holdsSibling) { releaseSibling() }
  }

  @usableFromInline
  @inline(never)
  func releaseSibling() {
    flags.remove(.holdsSibling)
    frameByteCount = UInt32(truncatingIfNeeded: Limits.granule)
    // Safe: the other half of a page is the next line of the table.
    let sibling = unsafe Descriptor(base: base, index: index &+ 1)
    sibling.head = 0
    _ = sibling.becomeFree()
  }
}
