// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Syscalls
internal import XDPFrame

/// The receiving side of one queue: buffers laid out for the packets to come, and what becomes of them.
///
///     slot 0   [header│linear part] [fragment] ... [fragment]     as many as the longest packet takes
///     slot 1   ...
///
/// A packet takes the first buffers of its slot; those that it leaves wait for the next. The header stands in the
/// headroom, directly in front of the packet, so that a packet of one buffer is one piece of memory.
///
/// Used by the queue's thread only.
@safe
struct TAPReceiver: ~Copyable {
  // Safe: allocations of this value; of each slot all buffers but the first `missing` are this value's own.
  private let buffers: UnsafeMutablePointer<Descriptor>
  private let missing: UnsafeMutablePointer<Int>
  private let fresh: UnsafeMutablePointer<Storage>
  private let model: any MemoryModel
  private let info: ReceiveQueueInfo
  private let headerByteCount: Int
  private let headroom: Int
  private let linearByteCount: Int
  private let bufferByteCount: Int
  private let buffersPerSlot: Int
  private let slotCount: Int
  private let overflow: DropReason
  private var batch: TAPBatch
  /// How many packets are asked for next: twice as many as came, so that few are asked for in vain.
  private var ask = TAPReceiver.fewest

  private static let fewest = 4

  /// Lays out nothing yet; the first buffers are taken when something is to be received.
  ///
  /// - Parameters:
  ///   - info: The queue.
  ///   - model: Where its buffers come from.
  ///   - longest: Octets of the longest packet.
  ///   - hasHeader: Whether a ``VirtualHeader`` stands in front of each packet.
  ///   - options: The port's.
  init(
    info: ReceiveQueueInfo, model: any MemoryModel, longest: Int, hasHeader: Bool,
    _ options: TAPOptions
  ) {
    self.info = info
    self.model = model
    headerByteCount = hasHeader ? VirtualHeader.byteCount : 0
    headroom = model.headroom
    linearByteCount = model.linearByteCount
    bufferByteCount = model.bufferByteCount
    // One octet more than the longest packet: what fills a slot was longer, and was cut off.
    let rest = max(longest + 1 - linearByteCount, 0)
    let needed = 1 + (rest + bufferByteCount - 1) / bufferByteCount
    buffersPerSlot = options.mode == .linear ? 1 : min(needed, 1 + Limits.fragments)
    overflow = options.mode == .linear ? .mtu : .truncated
    slotCount = buffersPerSlot == 1 ? Limits.budget : TAPReceiver.longSlotCount
    unsafe buffers = .allocate(capacity: slotCount * buffersPerSlot)
    unsafe missing = .allocate(capacity: slotCount)
    unsafe missing.initialize(repeating: buffersPerSlot, count: slotCount)
    unsafe fresh = .allocate(capacity: slotCount * buffersPerSlot)
    let segment = options.registersMemory ? model.segment : nil
    batch = unsafe TAPBatch(
      capacity: slotCount, pieceLimit: buffersPerSlot, usesRing: options.usesRing,
      memory: segment?.octets)
  }

  /// Slots for packets that may take several buffers: a sixteenth of an entry into the kernel for each packet, with
  /// 288 pages laid out for the longest.
  private static let longSlotCount = 16

  /// Gives the buffers back that are laid out.
  func empty() {
    for slot in 0..<slotCount {
      for position in unsafe missing[slot]..<buffersPerSlot {
        unsafe Storage(owning: buffers[slot * buffersPerSlot + position]).recycle()
      }
      unsafe missing[slot] = buffersPerSlot
    }
  }

  deinit {
    empty()
    unsafe buffers.deallocate()
    unsafe missing.deallocate()
    unsafe fresh.deallocate()
  }

  /// The octets that a slot holds, header included.
  private var slotByteCount: Int {
    headerByteCount + linearByteCount + (buffersPerSlot - 1) * bufferByteCount
  }

  /// Receives up to a budget of packets.
  ///
  /// - Returns: What the kernel answered beside packets, if it did.
  mutating func receive(
    _ burst: inout Burst, budget: Int, from file: RawDescriptor, _ tally: Tally
  ) -> Errno? {
    let ready = stock(min(budget, ask))
    guard ready > 0 else { return nil }
    batch.read(ready, from: file)
    var came = 0
    var failure: Errno?
    for slot in 0..<ready {
      let result = batch[slot]
      if result > 0 {
        came += 1
        take(slot, byteCount: result, into: &burst, tally)
      } else if result != -Int(EAGAIN) {
        failure = Errno(rawValue: Int32(truncatingIfNeeded: -result))
      }
    }
    ask = min(max(2 * came, TAPReceiver.fewest), slotCount)
    return failure
  }

  /// Fills the first slots up again; answers how many of them are full.
  private func stock(_ wanted: Int) -> Int {
    let wanted = min(wanted, slotCount)
    var needed = 0
    for slot in 0..<wanted { needed &+= unsafe missing[slot] }
    guard needed > 0 else { return wanted }
    var left = unsafe model.allocate(into: fresh, count: needed)
    for slot in 0..<wanted {
      while unsafe missing[slot] > 0 {
        guard left > 0 else { return slot }
        left &-= 1
        unsafe missing[slot] &-= 1
        lay(unsafe (fresh + left).move().take(), at: unsafe missing[slot], of: slot)
      }
    }
    return wanted
  }

  /// Lays a buffer out.
  @inline(__always)
  private func lay(_ buffer: Descriptor, at position: Int, of slot: Int) {
    buffer.setOwner(.fill, number: 0)
    unsafe buffers[slot &* buffersPerSlot &+ position] = buffer
    if position == 0 {
      // Safe: a model's headroom has more room than a header.
      unsafe batch.setPiece(
        0, of: slot, buffer.hardStart + headroom - headerByteCount,
        byteCount: headerByteCount &+ linearByteCount)
    } else {
      unsafe batch.setPiece(position, of: slot, buffer.hardStart, byteCount: bufferByteCount)
    }
  }

  /// Makes a packet of what a slot holds, or drops it.
  @inline(__always)
  private func take(_ slot: Int, byteCount: Int, into burst: inout Burst, _ tally: Tally) {
    let octets = byteCount - headerByteCount
    guard octets >= Limits.ethernetHeader, byteCount < slotByteCount else {
      return tally.dropReceived(octets < Limits.ethernetHeader ? .truncated : overflow)
    }
    let held = unsafe buffers + slot * buffersPerSlot
    let first = unsafe held[0]
    first.owner = .receive
    var packet = Buff(
      owning: first, queue: info, headroom: headroom, byteCount: min(octets, linearByteCount))
    var taken = 1
    var left = octets - linearByteCount
    while left > 0 {
      let part = unsafe held[taken]
      part.owner = .receive
      // A slot has no more buffers than a packet may.
      let rest = packet.addFragment(
        Storage(owning: part), offset: 0, byteCount: min(left, bufferByteCount))
      rest?.recycle()
      taken += 1
      left -= bufferByteCount
    }
    unsafe missing[slot] = taken
    guard headerByteCount > 0 else { return burst.append(packet) }
    // Safe: the header stands in front of the packet, where it was read to.
    let header = unsafe VirtualHeader(reading: first.hardStart + headroom - headerByteCount)
    if header.apply(to: &packet) {
      burst.append(packet)
    } else {
      packet.recycle(.invalidDescriptor)
      tally.dropReceived(.invalidDescriptor)
    }
  }
}
