// SPDX-License-Identifier: Apache-2.0

internal import CLinux
public import Rings
internal import Synchronization
public import XDPFrame

// What is exchanged with the kernel: chunks out through the fill ring, packets in through the receive ring.
extension XSKPool {
  /// Gives chunks to the kernel to be filled; the owner only.
  ///
  /// - Parameters:
  ///   - ring: The fill ring of the pool's queue.
  ///   - count: The most chunks, 0 or more.
  /// - Returns: How many; less than wanted when the ring is full or the pool is empty.
  ///
  /// Source: `xp_alloc_batch()`, `net/xdp/xsk_buff_pool.c`, from the other side.
  @inlinable
  public func fill(_ ring: AddressRing, count: Int) -> Int {
    let (first, granted) = ring.reserve(count)
    guard granted > 0 else { return 0 }
    let core = core
    let available = core.makeAvailable(granted)
    let piece = min(granted, available)
    guard piece > 0 else { return 0 }
    let origin = origin
    let base = unsafe core.base
    var top = available
    var position: UInt32 = 0
    while top > available &- piece {
      top &-= 1
      // Safe: the cache holds offsets of this pool's descriptors.
      let offset = unsafe core.cache[top]
      let descriptor = unsafe Descriptor(base: base, offset: Int(truncatingIfNeeded: offset))
      descriptor.owner = .fill
      // A descriptor's line is 64 octets, the granule it stands for 2048.
      ring[first &+ position] = (offset &<< 5) &- origin
      position &+= 1
    }
    unsafe core.cached.pointee = UInt32(truncatingIfNeeded: top)
    ring.submit(piece)
    core.count(piece, .filled)
    return piece
  }

  /// The chunk that a receive descriptor names, now the caller's; the owner only.
  ///
  /// - Parameters:
  ///   - address: The first octet, from the beginning of the UMEM.
  ///   - length: Octets.
  /// - Returns: nil when the kernel was not given that chunk to fill, or the octets do not lie in one chunk.
  ///
  /// Source: `xp_validate_desc()`, `net/xdp/xsk_queue.h`, from the other side.
  @inlinable
  @inline(__always)
  public func claim(address: UInt64, length: UInt32) -> Descriptor? {
    let inside = address & chunkMask
    guard address &- firstAddress < byteCount, length != 0,
      inside &+ UInt64(length) <= chunkMask &+ 1
    else { return nil }
    // Safe: the address lies in the pool, so the index names the line of one of its chunks.
    let granule = UInt32(truncatingIfNeeded: (origin &+ address &- inside) &>> 11)
    let descriptor = unsafe Descriptor(base: core.base, index: granule)
    guard descriptor.owner == .fill else { return nil }
    descriptor.owner = .receive
    if core.poisons { core.unpoison(descriptor) }
    return descriptor
  }

  /// Takes back the chunks that a kernel held which no longer can: those still to be filled, or filled and not seen.
  ///
  /// By elimination: whatever the ledger says was given to be filled and never claimed. The owner only, after the
  /// socket is closed and its rings are unmapped.
  ///
  /// - Returns: How many.
  @discardableResult
  public func reclaimFilled() -> Int {
    var count = 0
    for position in 0..<range.count {
      let descriptor = range.descriptor(position)
      guard descriptor.owner == .fill, descriptor.becomeFree() else { continue }
      core.putBack(descriptor)
      count += 1
    }
    core.count(count, .reclaimed)
    return count
  }
}

extension UMEM {
  /// Sends home the chunks that a socket was transmitting when it was closed, whoever's they are.
  ///
  /// By elimination: whatever the ledger says that sender holds. After the socket is closed and its rings are
  /// unmapped.
  ///
  /// - Parameter sender: The owner's number that the sender wrote, ``Descriptor/ownerNumber``.
  /// - Returns: How many.
  @discardableResult
  public func reclaimTransmitted(by sender: UInt32) -> Int {
    let range = BufferRange(
      arena: registry.arena, segment: segment, count: chunkCount, byteCount: chunkByteCount)
    var found: [Descriptor] = []
    for position in 0..<chunkCount {
      let descriptor = range.descriptor(position)
      guard descriptor.owner == .transmit, descriptor.ownerNumber == sender else { continue }
      found.append(descriptor)
    }
    let count = found.count
    unsafe found.withUnsafeMutableBufferPointer {
      guard let first = $0.baseAddress else { return }
      unsafe MemoryRegistry.recycle(buffers: first, count: count)
    }
    return count
  }

  /// The chunk that a completion names, if `sender` was transmitting it.
  ///
  /// - Parameters:
  ///   - address: As the sender wrote it into its transmit descriptor.
  ///   - sender: The owner's number that the sender wrote, ``Descriptor/ownerNumber``.
  /// - Returns: nil when that chunk is not the sender's, or there is no such chunk.
  @inlinable
  @inline(__always)
  public func transmitted(_ address: UInt64, by sender: UInt32) -> Descriptor? {
    guard address < registeredByteCount else { return nil }
    let granule = (origin &+ address & ~chunkMask) &>> 11
    // Safe: the address lies in the UMEM, so the index names the line of one of its chunks.
    let descriptor = unsafe Descriptor(base: base, index: UInt32(truncatingIfNeeded: granule))
    guard descriptor.owner == .transmit, descriptor.ownerNumber == sender else { return nil }
    return descriptor
  }
}
