// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import XDPFrame

/// The receiving side of one queue: where it reads in the ring, and how packets leave it.
///
/// Used by the queue's thread only.
@safe
struct PacketReceiver: ~Copyable {
  // Safe: the lane holds a reference until the queue's thread lets the rings go.
  private var rings: Unmanaged<PacketRings>?
  private let model: any MemoryModel
  private let info: ReceiveQueueInfo
  private let hasHeader: Bool
  private let mayBeSegmented: Bool
  private let mode: ReceiveMode
  /// The block that is read, or is to be next.
  private var block = 0
  /// Where its next packet begins, from the block's first octet; meaningful while packets are left.
  private var offset = 0
  private var left = 0

  init(info: ReceiveQueueInfo, model: any MemoryModel, _ options: PacketOptions) {
    unsafe rings = nil
    self.info = info
    self.model = model
    hasHeader = options.offload != .none
    mayBeSegmented = options.offload == .segmentation
    mode = options.mode
  }

  /// Begins to read in the rings of a socket; nil ends it.
  mutating func open(_ rings: PacketRings?) {
    unsafe self.rings = rings.map { unsafe .passUnretained($0) }
    block = 0
    left = 0
  }

  /// Receives up to a budget of packets.
  mutating func receive(_ burst: inout Burst, budget: Int, _ tally: Tally) {
    guard let rings = unsafe rings else { return }
    unsafe rings._withUnsafeGuaranteedRef { receive(&burst, budget: budget, from: $0, tally) }
  }

  /// Reads blocks; every number that is used was read once and compared with the block.
  ///
  /// Source: `prb_fill_curr_block()` and `prb_close_block()`, `net/packet/af_packet.c`, from the other side.
  private mutating func receive(
    _ burst: inout Burst, budget: Int, from rings: PacketRings, _ tally: Tally
  ) {
    let end = burst.count + budget
    while burst.count < end {
      guard left > 0 || open(rings) else { return }
      let wanted = min(left, end - burst.count)
      var taken = 0
      Heads.with(wanted, from: model, for: info) { heads in
        while taken < wanted, receiveNext(rings, &heads, &burst, tally) { taken += 1 }
      }
      if left == 0 {
        rings.release(block)
        block = block + 1 == rings.blockCount ? 0 : block + 1
      }
      // For want of buffers the rest stays in the ring.
      guard taken == wanted else { return }
    }
  }

  /// Looks whether the next block is there.
  private mutating func open(_ rings: PacketRings) -> Bool {
    guard rings.isReadable(block) else { return false }
    let start = unsafe rings.block(block)
    left = unsafe Int(start.load(fromByteOffset: 12, as: UInt32.self))
    offset = unsafe Int(start.load(fromByteOffset: 16, as: UInt32.self))
    if left > 0 { return true }
    rings.release(block)
    block = block + 1 == rings.blockCount ? 0 : block + 1
    return false
  }

  /// Takes one packet out of the block; false if it has to wait for buffers.
  private mutating func receiveNext(
    _ rings: PacketRings, _ heads: inout Heads, _ burst: inout Burst, _ tally: Tally
  ) -> Bool {
    guard let found = unsafe RingPacket(rings.block(block), at: offset, hasHeader: hasHeader) else {
      // The rest of the block cannot be found.
      tally.add(left, to: .invalidDescriptors)
      left = 0
      return true
    }
    if let reason = unsafe refusal(of: found) {
      tally.dropReceived(reason)
    } else {
      let byteCount = unsafe found.byteCount
      guard
        let linear = unsafe mode.linearByteCount(
          of: found.octets, byteCount: byteCount, room: heads.linearByteCount),
        byteCount - linear <= Limits.fragments * model.bufferByteCount
      else {
        tally.dropReceived(mode == .linear ? .mtu : .tooManyFragments)
        step(over: unsafe found.next)
        return true
      }
      guard var packet = heads.packet(byteCount: byteCount, linear: linear, from: model) else {
        return false
      }
      unsafe found.copy(to: &packet)
      if unsafe found.header.apply(to: &packet) {
        burst.append(packet)
      } else {
        packet.recycle(.invalidDescriptor)
        tally.dropReceived(.invalidDescriptor)
      }
    }
    step(over: unsafe found.next)
    return true
  }

  private func refusal(of packet: RingPacket) -> DropReason? {
    if unsafe packet.isCutOff { return .truncated }
    if unsafe packet.header.kind != 0, !mayBeSegmented { return .mtu }
    return unsafe packet.byteCount > Limits.packet ? .truncated : nil
  }

  private mutating func step(over byteCount: Int) {
    left -= 1
    offset += byteCount
  }
}

/// A packet as it lies in a block.
@unsafe
private struct RingPacket {
  // Safe: the initialiser has compared every offset with the block.
  /// The octets, without a VLAN tag that the kernel took out.
  let octets: UnsafeRawBufferPointer
  /// The work that its sender left.
  var header = VirtualHeader()
  /// Whether octets are missing at the end.
  let isCutOff: Bool
  /// How far away the next packet is.
  let next: Int
  /// The VLAN tag, in the order of the wire; nil if there was none.
  private let tag: UInt32?

  /// Reads the header of a packet; nil if it cannot be.
  init?(_ block: UnsafeMutableRawPointer, at offset: Int, hasHeader: Bool) {
    let room = PacketRings.blockByteCount - offset
    guard offset >= 48, room >= 48 else { return nil }
    let start = unsafe UnsafeRawPointer(block + offset)
    let byteCount = Int(unsafe start.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    let wholeByteCount = Int(unsafe start.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    let status = unsafe start.loadUnaligned(fromByteOffset: 20, as: UInt32.self)
    let place = Int(unsafe start.loadUnaligned(fromByteOffset: 24, as: UInt16.self))
    unsafe next = Int(unsafe start.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
    guard place >= 48 + VirtualHeader.byteCount || !hasHeader && place >= 48,
      place + byteCount <= room, unsafe next <= room
    else { return nil }
    unsafe octets = UnsafeRawBufferPointer(start: start + place, count: byteCount)
    unsafe isCutOff = byteCount < wholeByteCount
    unsafe tag = unsafe RingPacket.tag(start, status)
    if hasHeader {
      unsafe header = VirtualHeader(reading: start + place - VirtualHeader.byteCount)
      if unsafe tag != nil, unsafe header.checksumStart > 0 { unsafe header.checksumStart += 4 }
    }
  }

  private static func tag(_ start: UnsafeRawPointer, _ status: UInt32) -> UInt32? {
    guard status & UInt32(TP_STATUS_VLAN_VALID) != 0 else { return nil }
    let control = unsafe start.loadUnaligned(fromByteOffset: 32, as: UInt32.self)
    let hasKind = status & UInt32(TP_STATUS_VLAN_TPID_VALID) != 0
    let kind =
      hasKind
      ? unsafe start.loadUnaligned(fromByteOffset: 36, as: UInt16.self) : UInt16(ETH_P_8021Q)
    return UInt32(kind) << 16 | control & 0xffff
  }

  /// The octets of the packet as it was on the wire.
  var byteCount: Int { unsafe octets.count + (tag == nil ? 0 : 4) }

  /// Copies the packet, and puts the tag back behind the addresses.
  func copy(to packet: inout Buff) {
    guard let tag = unsafe tag, unsafe octets.count >= 12 else {
      _ = unsafe packet.storeBytes(octets, at: 0)
      return
    }
    let word = tag.bigEndian
    _ = unsafe packet.storeBytes(UnsafeRawBufferPointer(rebasing: octets[..<12]), at: 0)
    _ = unsafe withUnsafeBytes(of: word) { unsafe packet.storeBytes($0, at: 12) }
    _ = unsafe packet.storeBytes(UnsafeRawBufferPointer(rebasing: octets[12...]), at: 16)
  }
}
