// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// The words of the line that the ledger reads: whose the buffer is, and which life it lives.
///
/// Whoever holds the buffer writes them, and hands them over with it. A census, and whoever meets a stale slot, may
/// read them at any time; they are atomic, without order, so that such a reader sees a word that was true a moment ago.
/// A relaxed load or store is an ordinary one to the processor.
extension Descriptor {
  /// One word of the line.
  ///
  /// Safe: offsets are those of the layout drawn at ``Descriptor``.
  @inlinable
  @inline(__always)
  func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (line + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// How often the buffer came home.
  @inlinable public var generation: UInt32 {
    @inline(__always) get { unsafe word(20).pointee.load(ordering: .relaxed) }
    nonmutating set { unsafe word(20).pointee.store(newValue, ordering: .relaxed) }
  }

  /// Who holds the buffer.
  ///
  /// A value that is not an ``Owner`` reads as ``Owner/quarantine``.
  @inlinable public var owner: Owner {
    @inline(__always) get {
      let word = unsafe word(24).pointee.load(ordering: .relaxed)
      return Owner(rawValue: UInt8(truncatingIfNeeded: word)) ?? .quarantine
    }
    @inline(__always) nonmutating set {
      unsafe word(24).pointee.store(UInt32(newValue.rawValue), ordering: .relaxed)
    }
  }

  /// Which worker or ring holds the buffer; for a fragment, the life of its frame; 0 for other owners.
  @inlinable public var ownerNumber: UInt32 {
    unsafe word(24).pointee.load(ordering: .relaxed) &>> 8
  }

  /// Whether a numbered owner holds the buffer.
  @inlinable
  @inline(__always)
  public func isOwned(by owner: Owner, number: UInt32) -> Bool {
    let word = unsafe word(24).pointee.load(ordering: .relaxed)
    return word == UInt32(owner.rawValue) | (number &<< 8)
  }

  /// Hands the buffer to a numbered owner.
  @inlinable
  @inline(__always)
  public func setOwner(_ owner: Owner, number: UInt32) {
    unsafe word(24).pointee.store(
      UInt32(owner.rawValue) | (number &<< 8), ordering: .relaxed)
  }

  /// Ends the buffer's current life: it belongs to its model again, and older handles are stale.
  ///
  /// A fragment has left its frame before; see ``leave()``.
  ///
  /// - Returns: Whether it had one; false means that it came home twice.
  @inlinable
  @inline(__always)
  public func becomeFree() -> Bool {
    let before = unsafe word(24).pointee.load(ordering: .relaxed)
    guard before & 0xFF != UInt32(Owner.free.rawValue) else { return false }
    generation &+= 1
    owner = .free
    return true
  }

  /// The users of a shared page.
  @inlinable public var users: UnsafeMutablePointer<Atomic<UInt32>> { unsafe word(28) }

  /// The frame that this buffer is a fragment of, by index; 0 for none.
  @inlinable public var head: UInt32 {
    @inline(__always) get { unsafe word(44).pointee.load(ordering: .relaxed) }
    @inline(__always) nonmutating set {
      unsafe word(44).pointee.store(newValue, ordering: .relaxed)
    }
  }

  /// Who holds the buffer, for a census: a fragment is held by whoever holds its frame.
  ///
  /// A fragment whose frame went home without it, because its list was forged, is in ``Owner/quarantine``: nobody
  /// will bring it home.
  public var holder: Owner {
    let (own, head) = (owner, head)
    guard own == .receive, head != 0, head < Descriptor.limit else { return own }
    // Safe: the index names a line of the descriptor table.
    let frame = unsafe Descriptor(base: base, index: head)
    // A half that was taken in names the fragment that took it in, which names the frame.
    let holder = frame.holder
    let isAlive = holder != .free && (frame.generation ^ ownerNumber) & 0xFF_FFFF == 0
    return isAlive ? holder : .quarantine
  }
}
