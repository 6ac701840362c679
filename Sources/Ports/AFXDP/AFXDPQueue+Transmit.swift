// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import MemModels
internal import Rings
internal import Synchronization
internal import XDPFrame

extension AFXDPQueue {
  /// Sends frames by this queue; any thread.
  ///
  /// Frames whose buffers lie in the UMEM are sent from where they are. Others are copied. Those that cannot be sent
  /// stay in the bulk and say why in their descriptor's reason.
  ///
  /// - Parameters:
  ///   - frames: Those sent are removed.
  ///   - largestPacket: Octets of the largest packet that the interface takes.
  ///   - mayChain: Whether a frame may span several descriptors.
  /// - Returns: How many were sent.
  ///
  /// Source: `ndo_xdp_xmit`; `__xsk_sendmsg()`, `net/xdp/xsk.c`, from the other side.
  func transmit(_ frames: inout FrameBulk, largestPacket: UInt32, mayChain: Bool) -> Int {
    let count = frames.count
    guard count > 0 else { return 0 }
    let lock = state.lock
    lock.acquire(as: clinux_context())  // (A)
    guard state.isOpen else {
      unsafe refuse(frames.descriptors, count: count, state.refusal)
      lock.release()
      return 0
    }
    reap()
    let ring = rings.transmit
    let (first, room) = ring.reserve(ring.capacity)
    var batch = TransmitBatch(
      next: first, room: room, largestPacket: largestPacket, mayChain: mayChain)
    var position = 0
    while position < count, !batch.isFull {
      unsafe enqueue(frames.descriptors, at: position, &batch)
      position &+= 1
    }
    if batch.isFull, position > 0 { position &-= 1 }
    unsafe refuse(frames.descriptors + position, count: count &- position, .transmitFull)
    if batch.used > 0 { submit(batch) }
    goHome(batch.homeward)
    lock.release()
    frames.removeFirst(batch.sent)
    if batch.used > 0 { kick(); endKick() }
    return batch.sent
  }

  /// Publishes the descriptors written, and announces a kick before the lock is released.
  @inline(__always)
  private func submit(_ batch: TransmitBatch) {
    rings.transmit.submit(batch.used)
    let tally = state.tally
    tally.add(batch.sent, to: .sent)
    tally.add(batch.byteCount, to: .sentBytes)
    unsafe state.kicks.pointee.add(1, ordering: .relaxed)
  }

  /// Puts one frame into the ring, or refuses it.
  @inline(__always)
  private func enqueue(
    _ frames: UnsafeMutablePointer<Descriptor>, at position: Int, _ batch: inout TransmitBatch
  ) {
    let head = unsafe frames[position]
    let address = UInt64(head.dataOffset) &- origin
    let length = head.byteCount
    // One buffer of the UMEM, the octets in one chunk, and no longer than the interface takes.
    if head.flags.rawValue & PacketFlags.uncommon.rawValue == 0, umem.holds(address, length),
      length <= batch.largestPacket
    {
      guard batch.room > 0 else {
        batch.isFull = true
        return
      }
      write(head, FrameDescriptor(address: address, length: length), &batch)
      batch.byteCount &+= Int(truncatingIfNeeded: length)
    } else if !enqueueUncommon(head, &batch) {
      return
    }
    // The accepted ones stand in front, so a refused one that stood there moves here.
    unsafe frames[position] = unsafe frames[batch.sent]
    batch.sent &+= 1
  }

  /// Writes one descriptor; the chunk is the kernel's from the next submit on.
  @inline(__always)
  private func write(
    _ buffer: Descriptor, _ descriptor: FrameDescriptor, _ batch: inout TransmitBatch
  ) {
    buffer.setOwner(.transmit, number: sender)
    rings.transmit[batch.next] = descriptor
    batch.next &+= 1
    batch.used &+= 1
    batch.room &-= 1
  }
}

/// What is known while a bulk of frames is put into a transmit ring.
struct TransmitBatch {
  /// Where the next descriptor goes.
  var next: UInt32
  /// The descriptors that are free.
  var room: Int
  /// The descriptors written.
  var used = 0
  /// The frames written.
  var sent = 0
  /// Their octets.
  var byteCount = 0
  /// Buffers that were copied from and are about to go home.
  var homeward = 0
  /// Whether a frame did not find room; those behind it are not asked, to keep their order.
  var isFull = false
  let largestPacket: UInt32
  let mayChain: Bool

  init(next: UInt32, room: Int, largestPacket: UInt32, mayChain: Bool) {
    self.next = next
    self.room = room
    self.largestPacket = largestPacket
    self.mayChain = mayChain
  }
}

// MARK: - Frames of several buffers, and of other memory

extension AFXDPQueue {
  /// Puts a frame into the ring that is not one buffer of the UMEM, or refuses it; the lane's lock is held.
  ///
  /// - Returns: Whether it was sent.
  @inline(never)
  private func enqueueUncommon(_ head: Descriptor, _ batch: inout TransmitBatch) -> Bool {
    guard let extent = extent(of: head) else { return refuse(head, .truncated) }
    guard extent.byteCount <= Int(batch.largestPacket) else { return refuse(head, .mtu) }
    // The kernel cuts nothing that comes by AF_XDP.
    if head.flags.contains(.segmented) { return refuse(head, .mtu) }
    // Octets that the CPU may not read cannot be copied, and never lie in the UMEM.
    if head.flags.contains(.unreadableFragments) { return refuse(head, .transmitError) }
    let chunkByteCount = umem.chunkByteCount
    let copiedCount = (extent.byteCount + chunkByteCount - 1) / chunkByteCount
    let needed = extent.isOurs ? extent.bufferCount : copiedCount
    guard needed <= (batch.mayChain ? AFXDPQueue.chainLimit : 1) else {
      return refuse(head, .redirectNoFragments)
    }
    guard batch.room >= needed else {
      batch.isFull = true
      return false
    }
    if extent.isOurs {
      enqueue(chain: head, extent, &batch)
      return true
    }
    return enqueue(copyOf: head, extent, chunkCount: needed, &batch)
  }

  /// How a frame lies in memory, every part of it checked.
  private struct Extent {
    var bufferCount = 1
    var byteCount: Int
    /// Whether all of it lies in the UMEM.
    var isOurs: Bool
  }

  /// Looks at every part of a frame; nil if it is not what it says.
  private func extent(of head: Descriptor) -> Extent? {
    guard head.byteCount > 0 else { return nil }
    var extent = Extent(
      byteCount: Int(head.byteCount),
      isOurs: umem.holds(UInt64(head.dataOffset) &- origin, head.byteCount))
    for position in 0..<head.fragmentCount {
      guard let fragment = head.fragment(at: position), fragment.byteCount > 0 else { return nil }
      extent.bufferCount += 1
      extent.byteCount += Int(fragment.byteCount)
      if !umem.holds(address(of: fragment, head), fragment.byteCount) { extent.isOurs = false }
    }
    return extent
  }

  private func address(of fragment: Fragment, _ head: Descriptor) -> UInt64 {
    head.buffer(of: fragment).address &+ UInt64(fragment.offset) &- origin
  }

  /// Sends a frame of several chunks from where they are.
  private func enqueue(chain head: Descriptor, _ extent: Extent, _ batch: inout TransmitBatch) {
    let info = head.sharedInfo
    let last = extent.bufferCount - 1
    head.flags.remove(.hasFragments)
    write(
      head,
      FrameDescriptor(
        address: UInt64(head.dataOffset) &- origin, length: head.byteCount, continues: last > 0),
      &batch)
    for position in 0..<last {
      // Safe: checked a moment ago, and the list of a chunk lies where no program reaches.
      let fragment = unsafe info.fragments[position]
      let part = head.buffer(of: fragment)
      // From here on each chunk goes home on its own.
      part.head = 0
      write(
        part,
        FrameDescriptor(
          address: address(of: fragment, head), length: fragment.byteCount,
          continues: position < last - 1), &batch)
    }
    batch.byteCount &+= extent.byteCount
  }

  /// Copies a frame of other memory into chunks of our own and sends those.
  private func enqueue(
    copyOf head: Descriptor, _ extent: Extent, chunkCount: Int, _ batch: inout TransmitBatch
  ) -> Bool {
    unsafe withUnsafeTemporaryAllocation(of: Storage.self, capacity: AFXDPQueue.chainLimit) {
      guard let chunks = $0.baseAddress else { return false }
      let count = unsafe copies.allocate(into: chunks, count: chunkCount)
      guard count == chunkCount else {
        for position in 0..<count { unsafe (chunks + position).move().recycle() }
        batch.isFull = true
        return false
      }
      var writer = unsafe ChunkWriter(
        chunks: chunks, count: count, chunkByteCount: umem.chunkByteCount)
      unsafe writer.append(UnsafeRawPointer(head.data), Int(head.byteCount))
      for position in 0..<head.fragmentCount {
        guard let fragment = head.fragment(at: position) else { continue }
        unsafe writer.append(
          UnsafeRawPointer(head.buffer(of: fragment).hardStart) + Int(fragment.offset),
          Int(fragment.byteCount))
      }
      unsafe write(chunks, count: count, byteCount: writer.filled, &batch)
      takeApart(head, &batch)
      state.tally.add(1, to: .copied)
      return true
    }
  }

  /// Writes the descriptors of chunks that were copied into.
  private func write(
    _ chunks: UnsafeMutablePointer<Storage>, count: Int, byteCount: Int,
    _ batch: inout TransmitBatch
  ) {
    var left = byteCount
    for position in 0..<count {
      let chunk = unsafe (chunks + position).move().take()
      let length = min(left, umem.chunkByteCount)
      left -= length
      write(
        chunk,
        FrameDescriptor(
          address: chunk.address &- origin, length: UInt32(length), continues: left > 0), &batch)
    }
    batch.byteCount &+= byteCount
  }

  /// Takes a frame apart that was copied, to send its buffers home together.
  private func takeApart(_ head: Descriptor, _ batch: inout TransmitBatch) {
    let homeward = unsafe state.homeward
    for position in 0..<head.fragmentCount {
      guard let fragment = head.fragment(at: position) else { continue }
      let part = head.buffer(of: fragment)
      part.leave()
      unsafe homeward[batch.homeward] = part
      batch.homeward += 1
    }
    head.flags.remove(.hasFragments)
    unsafe homeward[batch.homeward] = head
    batch.homeward += 1
    guard batch.homeward >= Limits.budget else { return }
    goHome(batch.homeward)
    batch.homeward = 0
  }

  /// Sends the collected buffers home; the lane's lock is held.
  @inline(__always)
  func goHome(_ count: Int) {
    guard count > 0 else { return }
    unsafe MemoryRegistry.recycle(buffers: state.homeward, count: count)
  }

  // MARK: - Refusals

  private func refuse(_ head: Descriptor, _ reason: DropReason) -> Bool {
    head.reason = reason.rawValue
    state.tally.add(1, to: .sendErrors)
    return false
  }

  private func refuse(
    _ frames: UnsafeMutablePointer<Descriptor>, count: Int, _ reason: DropReason
  ) {
    guard count > 0 else { return }
    for position in 0..<count { unsafe frames[position].reason = reason.rawValue }
    state.tally.add(count, to: .sendErrors)
  }
}

/// Writes octets into chunks, one behind the other, as far as there is room.
@safe
private struct ChunkWriter {
  // Safe: the caller owns `count` chunks, and nothing is written behind them.
  private let chunks: UnsafeMutablePointer<Storage>
  private let chunkByteCount: Int
  private let capacity: Int
  /// The octets written.
  private(set) var filled = 0

  init(chunks: UnsafeMutablePointer<Storage>, count: Int, chunkByteCount: Int) {
    unsafe self.chunks = chunks
    self.chunkByteCount = chunkByteCount
    capacity = count * chunkByteCount
  }

  mutating func append(_ source: UnsafeRawPointer, _ byteCount: Int) {
    let end = min(byteCount, capacity - filled)
    var copied = 0
    while copied < end {
      let inside = filled % chunkByteCount
      let piece = min(end - copied, chunkByteCount - inside)
      let chunk = unsafe chunks[filled / chunkByteCount].descriptor
      unsafe (chunk.hardStart + inside).copyMemory(from: source + copied, byteCount: piece)
      copied += piece
      filled += piece
    }
  }
}

extension Descriptor {
  /// Where the buffer begins, in octets from the beginning of the arena window.
  fileprivate var address: UInt64 { UInt64(index) * UInt64(Limits.granule) }
}
