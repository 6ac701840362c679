// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import MemModels
internal import Rings
internal import Syscalls
internal import XDPFrame

extension AFXDPQueue {
  /// The most descriptors of one packet, `MAX_SKB_FRAGS` + 1.
  static var chainLimit: Int { Limits.fragments + 1 }

  /// Receives up to a budget of packets; the queue's thread.
  ///
  /// Every descriptor is copied once, the copy is checked, and the copy is used. Those that make no sense are
  /// counted and dropped; nothing in the ring can make this trap.
  ///
  /// Source: `xsk_recvmsg()` from the other side; libxdp's `xsk_ring_cons__peek()`.
  func receive(_ burst: inout Burst, budget: Int, tally: Tally) {
    pool.adopt()
    let end = min(burst.count &+ budget, Limits.budget)
    let ring = rings.receive
    // As many as there may be if every packet of the budget is as long a chain as a packet can be.
    let (first, available) = ring.peek(budget &* AFXDPQueue.chainLimit)
    guard available > 0 else { return idle() }
    let (pool, info, mask) = (pool, info, chunkMask)
    // Zero where a packet of one descriptor is received as it is.
    var uncommon = state.skipping | splitting
    var used = 0
    while burst.count < end, used < available {
      let descriptor = ring[first &+ UInt32(truncatingIfNeeded: used)]
      if descriptor.options | uncommon == 0,
        let chunk = pool.claim(address: descriptor.address, length: descriptor.length)
      {
        burst.append(
          owning: chunk, queue: info,
          headroom: Int(truncatingIfNeeded: descriptor.address & mask),
          byteCount: Int(truncatingIfNeeded: descriptor.length))
        used &+= 1
        continue
      }
      let more = receiveUncommon(
        &burst, at: first &+ UInt32(truncatingIfNeeded: used), count: available &- used, tally)
      guard more > 0 else { break }
      used &+= more
      uncommon = state.skipping | splitting
    }
    ring.release(used)
    refill()
  }

  /// Keeps the fill ring full; the queue's thread.
  func refill() {
    let ring = rings.fill
    _ = pool.fill(ring, count: ring.capacity)
    state.isStarved = ring.reserve(1).granted > 0
  }

  /// Nothing was received: does what cannot wait for the next packet.
  @inline(never)
  private func idle() {
    if state.isStarved { refill() }
    let socket = state.socket
    guard socket >= 0 else { return }
    if usesWakeup, rings.fill.needsWakeup { _ = Socket.kickReceive(socket) }
    if state.isKickPending { kickAgain() }
  }
}

// MARK: - Chains, and what makes no sense

extension AFXDPQueue {
  /// Receives one packet that is not one sound descriptor, or goes on skipping.
  ///
  /// - Returns: How many descriptors are done with; 0 when the packet's end has not arrived yet.
  @inline(never)
  private func receiveUncommon(
    _ burst: inout Burst, at first: UInt32, count: Int, _ tally: Tally
  ) -> Int {
    if state.skipping != 0 { return skip(at: first, count: count) }
    return unsafe withUnsafeTemporaryAllocation(
      of: FrameDescriptor.self, capacity: AFXDPQueue.chainLimit
    ) { chain in
      let room = min(count, AFXDPQueue.chainLimit)
      var length = 0
      var isWhole = false
      while length < room, !isWhole {
        unsafe chain[length] = rings.receive[first &+ UInt32(length)]
        isWhole = unsafe !chain[length].continues
        length += 1
      }
      if !isWhole, length < AFXDPQueue.chainLimit { return 0 }
      let parts = unsafe UnsafeBufferPointer(rebasing: chain[..<length])
      if isWhole {
        unsafe receive(chain: parts, &burst, tally)
      } else {
        state.skipping = 1
        unsafe drop(chain: parts, .tooManyFragments, tally)
      }
      return length
    }
  }

  /// Makes one packet of a chain of descriptors, or drops it whole.
  private func receive(
    chain: UnsafeBufferPointer<FrameDescriptor>, _ burst: inout Burst, _ tally: Tally
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Descriptor.self, capacity: AFXDPQueue.chainLimit) {
      guard let chunks = $0.baseAddress else { return }
      let count = unsafe claim(chain, into: chunks, tally)
      guard count == chain.count else {
        unsafe pool.recycle(chunks, count: count)
        return tally.dropReceived(.invalidDescriptor)
      }
      let headers = unsafe splitting == 0 ? 0 : headerByteCount(of: chain[0], in: chunks[0])
      guard headers == 0 else {
        return unsafe receive(chain: chain, in: chunks, splitBehind: headers, &burst, tally)
      }
      let head = unsafe chain[0]
      unsafe burst.append(
        owning: chunks[0], queue: info, headroom: Int(head.address & chunkMask),
        byteCount: Int(head.length))
      for position in 1..<max(count, 1) {
        unsafe addFragment(chain[position], chunks[position], to: &burst)
      }
    }
  }

  /// Adds a chunk to the last packet of the burst, but for the octets that were taken off its front.
  private func addFragment(
    _ part: FrameDescriptor, _ chunk: Descriptor, without taken: Int = 0, to burst: inout Burst
  ) {
    // The chain is no longer than a packet may be, so nothing is handed back.
    let rest = unsafe burst.packets[burst.count - 1].addFragment(
      Storage(owning: chunk), offset: Int(part.address & chunkMask) + taken,
      byteCount: Int(part.length) - taken)
    rest?.recycle()
  }

  /// The octets in front of the payload; 0 where a packet is not to be split.
  private func headerByteCount(of head: FrameDescriptor, in chunk: Descriptor) -> Int {
    // Safe: the descriptor was claimed, so its octets lie inside the chunk.
    let octets = unsafe UnsafeRawBufferPointer(
      start: chunk.hardStart + Int(head.address & chunkMask), count: Int(head.length))
    let headers = unsafe ReceiveMode.headerByteCount(octets) ?? 0
    return headers < octets.count ? headers : 0
  }

  /// Makes one packet of claimed chunks, its headers copied into one more; or drops it whole.
  private func receive(
    chain: UnsafeBufferPointer<FrameDescriptor>, in chunks: UnsafeMutablePointer<Descriptor>,
    splitBehind headers: Int, _ burst: inout Burst, _ tally: Tally
  ) {
    let hasRoom = chain.count <= Limits.fragments
    guard hasRoom, let storage = pool.allocate() else {
      unsafe pool.recycle(chunks, count: chain.count)
      return tally.dropReceived(hasRoom ? .poolEmpty : .tooManyFragments)
    }
    let first = storage.take()
    let head = unsafe chain[0]
    // Safe: headers are shorter than the head's octets, and those fit into a chunk behind the kernel's headroom.
    unsafe (first.hardStart + pool.headroom).copyMemory(
      from: chunks[0].hardStart + Int(head.address & chunkMask), byteCount: headers)
    burst.append(owning: first, queue: info, headroom: pool.headroom, byteCount: headers)
    unsafe addFragment(head, chunks[0], without: headers, to: &burst)
    for position in 1..<chain.count {
      unsafe addFragment(chain[position], chunks[position], to: &burst)
    }
  }

  /// Claims the chunks of a chain; those that make no sense are counted and left out.
  ///
  /// - Returns: How many were claimed.
  private func claim(
    _ chain: UnsafeBufferPointer<FrameDescriptor>, into chunks: UnsafeMutablePointer<Descriptor>,
    _ tally: Tally
  ) -> Int {
    var count = 0
    var isSound = true
    for position in 0..<chain.count {
      let descriptor = unsafe chain[position]
      let known = UInt32(CLINUX_XDP_PKT_CONTD)
      if descriptor.options & ~known != 0 { isSound = false }
      if let chunk = pool.claim(address: descriptor.address, length: descriptor.length) {
        unsafe chunks[count] = chunk
        count += 1
        if descriptor.options & ~known == 0 { continue }
      }
      tally.add(1, to: .invalidDescriptors)
    }
    if !isSound, count == chain.count {
      // Every chunk is ours, but an option is unknown: the chunks go home and the packet does not pass.
      unsafe pool.recycle(chunks, count: count)
      return 0
    }
    return count
  }

  /// Drops a packet whole, and sends home what of it is ours.
  private func drop(
    chain: UnsafeBufferPointer<FrameDescriptor>, _ reason: DropReason, _ tally: Tally
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Descriptor.self, capacity: AFXDPQueue.chainLimit) {
      guard let chunks = $0.baseAddress else { return }
      let count = unsafe claim(chain, into: chunks, tally)
      unsafe pool.recycle(chunks, count: count)
    }
    tally.dropReceived(reason)
  }

  /// Skips what is left of a packet that was too long.
  private func skip(at first: UInt32, count: Int) -> Int {
    for position in 0..<count {
      let descriptor = rings.receive[first &+ UInt32(position)]
      if var chunk = pool.claim(address: descriptor.address, length: descriptor.length) {
        unsafe pool.recycle(&chunk, count: 1)
      }
      if !descriptor.continues {
        state.skipping = 0
        return position + 1
      }
    }
    return count
  }
}
