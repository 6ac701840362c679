// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import Synchronization
public import XDPFrame

extension PagePool {
  /// Takes one buffer of at least so many octets: half a page where that is enough, a whole page otherwise.
  ///
  /// Its descriptor says how large it really is. The halves of a page are buffers of their own, each with an owner and
  /// a ``SharedInfo``; the page is home when both are. The owner of the pool only.
  ///
  /// - Parameter byteCount: Octets, 1...4096.
  /// - Returns: nil when the pool is empty.
  ///
  /// Source: `page_pool_alloc()` and `page_pool_alloc_frag()`, `net/core/page_pool.c`. The kernel cuts a page into pieces
  /// of any size and counts their users down from a bias; ours are what one descriptor stands for, 2048 octets, so
  /// that there are two users from the beginning.
  public func allocate(byteCount: Int) -> Storage? {
    precondition((1...Limits.page).contains(byteCount), "A page holds 1...4096 octets.")
    guard byteCount <= Limits.granule else { return allocate() }
    if let half = core.takeHalfInHand() { return half }
    guard let page = allocate() else { return nil }
    core.split(page.descriptor)
    return page
  }
}

/// Pages that were split, one half out or both.
///
/// Each counts its users in the even descriptor: a half that is out is one, and so is the half in the owner's hand;
/// 0 means that the page is whole. Who takes off the last user makes the page whole and alone may put it away.
///
///     (A) bringing home: descriptor written, then one user off, releasing (and acquiring, for the last)
///
/// Without it, whoever is last could make the page whole while the other half's descriptor is still being written.
extension PagePoolCore {
  /// Whether pages may come home in halves.
  var splits: Bool { unsafe habits.pointee.load(ordering: .relaxed) & 2 != 0 }

  /// Makes the page two halves: the first remains with the caller, the second is in the owner's hand.
  func split(_ page: Descriptor) {
    let half = half(behind: page)
    unsafe habits.pointee.bitwiseOr(2, ordering: .relaxed)
    half.memory = page.memory
    half.head = 0
    half.flags = []
    half.owner = .free
    resize(page, to: Limits.granule)
    resize(half, to: Limits.granule)
    unsafe page.users.pointee.store(2, ordering: .relaxed)
    unsafe halfInHand.pointee = half.offset
    if poisons { unsafe clinux_poison(half.hardStart, Limits.granule) }
  }

  /// Hands out the half in the owner's hand; nil if there is none.
  func takeHalfInHand() -> Storage? {
    let offset = unsafe Int(truncatingIfNeeded: halfInHand.pointee)
    guard offset != 0 else { return nil }
    unsafe halfInHand.pointee = 0
    let half = unsafe Descriptor(base: base, offset: offset)
    if poisons { unsafe clinux_unpoison(half.hardStart, Limits.granule) }
    half.owner = .receive
    return Storage(owning: half)
  }

  /// Takes the half in the owner's hand off its page, when the pool is closed.
  ///
  /// Source: `page_pool_free_frag()`, `net/core/page_pool.c`.
  func dropHalfInHand() {
    guard unsafe halfInHand.pointee != 0 else { return }
    let count = unsafe leavePages(halfInHand, count: 1)
    unsafe giveToSource(halfInHand, count: count)
    unsafe halfInHand.pointee = 0
  }

  /// Takes one user off the page of each half; what remains in the array are whole pages.
  ///
  /// - Returns: How many.
  ///
  /// Source: `page_pool_unref_netmem()`, `include/net/page_pool/helpers.h`.
  func leavePages(_ offsets: UnsafeMutablePointer<UInt64>, count: Int) -> Int {
    var kept = 0
    for position in 0..<count {
      // Safe: the offset is that of one of the pool's descriptors, of which a page has two, the even one first.
      let offset = unsafe Int(truncatingIfNeeded: offsets[position] & ~64)
      let page = unsafe Descriptor(base: base, offset: offset)
      if unsafe page.users.pointee.load(ordering: .relaxed) != 0 {
        let left = unsafe page.users.pointee.subtract(1, ordering: .acquiringAndReleasing)  // (A)
        guard left.newValue == 0 else { continue }
        resize(page, to: Limits.page)
        if poisons { unsafe clinux_poison(page.hardStart, Limits.page) }
      }
      unsafe offsets[kept] = page.offset
      kept += 1
    }
    return kept
  }

  /// The second half of a page.
  func half(behind page: Descriptor) -> Descriptor {
    unsafe Descriptor(base: base, index: page.index &+ 1)
  }

  private func resize(_ buffer: Descriptor, to byteCount: Int) {
    buffer.frameByteCount = UInt32(byteCount)
    let start = AddressMap.arenaOffset + UInt(buffer.index) * UInt(Limits.granule)
    buffer.placeSharedInfo(atOffset: start + UInt(byteCount - Limits.sharedInfo))
  }
}
