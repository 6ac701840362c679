// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import Synchronization
public import XDPFrame

extension SharedPageCore {
  /// Takes up to `count` halves; the owner only.
  @inlinable
  @inline(__always)
  func allocate(into storage: UnsafeMutablePointer<Storage>, count wanted: Int) -> Int {
    let base = unsafe pages.base
    let poisons = pages.poisons
    var left = unsafe Int(truncatingIfNeeded: count.pointee)
    var taken = 0
    while taken < wanted {
      if left == 0 {
        left = splitPages()
        if left == 0 { break }
      }
      left &-= 1
      let offset = unsafe stack[left]
      let users = unsafe users(ofHalf: offset)
      if unsafe users.pointee.load(ordering: .acquiring) == 1 {  // (B)
        left = unsafe flip(offset, users, onto: left)
      }
      let descriptor = unsafe Descriptor(base: base, offset: Int(truncatingIfNeeded: offset))
      if poisons { unpoison(descriptor) }
      descriptor.owner = .receive
      unsafe (storage + taken).initialize(to: Storage(owning: descriptor))
      taken &+= 1
    }
    unsafe count.pointee = UInt32(truncatingIfNeeded: left)
    pages.count(taken, .fast)
    return taken
  }

  /// Takes the other half of a page too, which has come home: nobody but the half in hand uses the page.
  ///
  /// Source: `i40e_can_reuse_rx_page()`, `drivers/net/ethernet/intel/i40e/i40e_txrx.c`.
  @inlinable
  @inline(__always)
  func flip(
    _ offset: UInt64, _ users: UnsafeMutablePointer<Atomic<UInt32>>, onto left: Int
  ) -> Int {
    unsafe users.pointee.store(2, ordering: .relaxed)
    // Safe: a half was just taken from this place.
    unsafe stack[left] = offset ^ 64
    note(1, at: 1)
    return left &+ 1
  }

  /// Fills the empty stack with the halves of whole pages; answers how many there are.
  @usableFromInline
  @inline(never)
  func splitPages() -> Int {
    var available = unsafe Int(pages.cached.pointee)
    if available == 0 { available = pages.refill() }
    let piece = min(available, PagePool.refillCount)
    for position in 0..<piece {
      let offset = unsafe pages.cache[available - 1 - position]
      unsafe users(ofHalf: offset).pointee.store(2, ordering: .relaxed)
      // The first page's first half lies on top.
      let place = 2 * (piece - 1 - position)
      unsafe stack[place] = offset | 64
      unsafe stack[place + 1] = offset
    }
    unsafe pages.cached.pointee = UInt32(available - piece)
    note(piece, at: 0)
    return 2 * piece
  }

  @usableFromInline
  @inline(never)
  func unpoison(_ half: Descriptor) {
    unsafe clinux_unpoison(half.hardStart, Int(half.frameByteCount))
  }
}
