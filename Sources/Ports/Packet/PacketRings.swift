// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
internal import Syscalls
internal import XDPFrame

/// A packet socket with the two rings that it shares with the kernel.
///
///     receive    blocks of packets of any length; the kernel fills a block, the reader gives it back
///     transmit   slots of one length; the sender fills a slot, the kernel gives it back
///
/// Each block and each slot has a word that says whose it is. The kernel hands a block over by writing the word last,
/// the reader looks at the word with acquire before it reads the block (A), and gives it back with release after the
/// last packet has been copied out (B). With slots it is the other way round: filled, then handed over with release (C);
/// looked at with acquire before they are filled again (D).
///
/// Source: `struct tpacket_block_desc` and `struct tpacket3_hdr`, `include/uapi/linux/if_packet.h`.
@safe
final class PacketRings: Sendable {
  // Safe: one mapping of this object; blocks and slots are named by position, below their number.
  let socket: Socket
  private let mapping: Mapping
  let blockCount: Int
  let slotCount: Int
  let slotByteCount: Int
  private let slotsPerBlock: Int
  private let transmitBlockByteCount: Int
  /// The interface that the socket is bound to.
  let interfaceIndex: UInt32

  /// Octets of a block of the receive ring: the longest packet that there can be, and no more than it takes.
  ///
  /// A block is handed over when its time is up, however little is in it: not octets but the number of blocks says how
  /// long the reader may be away.
  static let blockByteCount = 1 << 17
  /// Where the octets of a packet begin in a slot, `TPACKET3_HDRLEN - sizeof(struct sockaddr_ll)`.
  static let slotHeaderByteCount = 48

  /// Opens a socket on an interface of the calling thread's namespace; packets come from here on.
  ///
  /// - Parameters:
  ///   - interface: The interface.
  ///   - longest: Octets of the longest packet to send.
  ///   - options: The port's.
  /// - Throws: What the kernel answers; nothing is left open then.
  init(
    _ interface: Interface, longest: Int, _ options: PacketOptions
  ) throws(SystemCallError) {
    let needed = PacketRings.slotHeaderByteCount + VirtualHeader.byteCount + longest
    let slotByteCount = needed <= 32_768 ? needed.nextPowerOfTwo : needed.roundedUp(to: Limits.page)
    let transmitBlock = max(slotByteCount, 65_536)
    let slotsPerBlock = transmitBlock / slotByteCount
    let transmitBlockCount = max((options.transmitCapacity + slotsPerBlock - 1) / slotsPerBlock, 1)
    let blockCount = max(options.receiveByteCount / PacketRings.blockByteCount, 2)

    let socket = try Socket(.packet, .raw)
    try socket.setOption("PACKET_VERSION", level: SOL_PACKET, PACKET_VERSION, Int32(2))
    // The header must be asked for before there are rings.
    let header: Int32 = options.offload == .none ? 0 : 1
    try socket.setOption("PACKET_VNET_HDR", level: SOL_PACKET, PACKET_VNET_HDR, header)
    try socket.setOption(
      "PACKET_IGNORE_OUTGOING", level: SOL_PACKET, PACKET_IGNORE_OUTGOING, Int32(1))
    // Past the queueing discipline nothing is cut: what the driver cannot cut itself would be dropped.
    let bypass: Int32 = options.offload == .segmentation ? 0 : 1
    try socket.setOption("PACKET_QDISC_BYPASS", level: SOL_PACKET, PACKET_QDISC_BYPASS, bypass)
    // A slot that the kernel can make nothing of is passed over; without this all behind it would wait for ever.
    try socket.setOption("PACKET_LOSS", level: SOL_PACKET, PACKET_LOSS, Int32(1))
    var request = tpacket_req3()
    request.tp_block_size = UInt32(PacketRings.blockByteCount)
    request.tp_block_nr = UInt32(blockCount)
    request.tp_frame_size = 2_048
    request.tp_frame_nr = UInt32(blockCount * (PacketRings.blockByteCount / 2_048))
    request.tp_retire_blk_tov = UInt32(options.blockTimeout)
    try socket.setOption("PACKET_RX_RING", level: SOL_PACKET, PACKET_RX_RING, request)
    request = tpacket_req3()
    request.tp_block_size = UInt32(transmitBlock)
    request.tp_block_nr = UInt32(transmitBlockCount)
    request.tp_frame_size = UInt32(slotByteCount)
    request.tp_frame_nr = UInt32(transmitBlockCount * slotsPerBlock)
    try socket.setOption("PACKET_TX_RING", level: SOL_PACKET, PACKET_TX_RING, request)
    let byteCount =
      blockCount * PacketRings.blockByteCount + transmitBlockCount * transmitBlock
    let mapping = try Mapping.shared(socket.raw, byteCount: byteCount)
    try PacketRings.bind(socket, to: interface)
    self.socket = socket
    self.mapping = mapping
    self.blockCount = blockCount
    self.slotByteCount = slotByteCount
    self.slotsPerBlock = slotsPerBlock
    transmitBlockByteCount = transmitBlock
    slotCount = transmitBlockCount * slotsPerBlock
    interfaceIndex = interface.index
  }

  private static func bind(
    _ socket: borrowing Socket, to interface: Interface
  ) throws(SystemCallError) {
    var membership = packet_mreq()
    membership.mr_ifindex = Int32(bitPattern: interface.index)
    membership.mr_type = UInt16(PACKET_MR_PROMISC)
    try socket.setOption(
      "PACKET_ADD_MEMBERSHIP", level: SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = UInt16(ETH_P_ALL).bigEndian
    address.sll_ifindex = Int32(bitPattern: interface.index)
    try socket.bind(address, interface.name)
  }
}

extension Int {
  fileprivate var nextPowerOfTwo: Int {
    self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }

  fileprivate func roundedUp(to step: Int) -> Int { (self + step - 1) / step * step }
}

// MARK: - The words that say whose a block or slot is

extension PacketRings {
  /// Whose a slot is.
  enum SlotState: UInt32 {
    /// The sender's.
    case available = 0
    /// The kernel's, to be sent.
    case requested = 1
    /// The kernel's, being sent.
    case sending = 2
  }

  /// The first octet of a block of the receive ring.
  @inline(__always)
  func block(_ position: Int) -> UnsafeMutableRawPointer {
    unsafe mapping.baseAddress + position &* PacketRings.blockByteCount
  }

  /// Whether the kernel has handed a block over.
  @inline(__always)
  func isReadable(_ position: Int) -> Bool {
    unsafe word(block(position) + 8).pointee.load(ordering: .acquiring) & 1 != 0  // (A)
  }

  /// Gives a block back.
  @inline(__always)
  func release(_ position: Int) {
    unsafe word(block(position) + 8).pointee.store(0, ordering: .releasing)  // (B)
  }

  /// The first octet of a slot of the transmit ring.
  @inline(__always)
  func slot(_ position: Int) -> UnsafeMutableRawPointer {
    let block =
      blockCount &* PacketRings.blockByteCount
      &+ position / slotsPerBlock &* transmitBlockByteCount
    let inside = position % slotsPerBlock &* slotByteCount
    return unsafe mapping.baseAddress + (block &+ inside)
  }

  /// Whose a slot is now.
  @inline(__always)
  func state(of slot: Int) -> SlotState {
    let word = unsafe word(self.slot(slot) + 20).pointee.load(ordering: .acquiring)  // (D)
    return SlotState(rawValue: word) ?? .sending
  }

  /// Says whose a slot is from here on.
  @inline(__always)
  func setState(_ state: SlotState, of slot: Int) {
    unsafe word(self.slot(slot) + 20).pointee.store(state.rawValue, ordering: .releasing)  // (C)
  }

  @inline(__always)
  private func word(_ address: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe address.assumingMemoryBound(to: Atomic<UInt32>.self)
  }
}

// MARK: - The socket

extension PacketRings {
  /// Makes the socket one of several that share the interface's packets by flow.
  ///
  /// - Parameter group: The group's number; nil makes a group.
  /// - Returns: The group's number.
  /// - Throws: `Errno.invalidArgument` where the group is of another kind or interface.
  ///
  /// Source: `fanout_add()`, `net/packet/af_packet.c`.
  func join(group: UInt16?) throws(SystemCallError) -> UInt16 {
    // A group has its own mind about outgoing packets, since Linux 5.16.
    let ignoresOutgoing: UInt32 = 0x4000
    let flags = UInt32(group == nil ? PACKET_FANOUT_FLAG_UNIQUEID : 0)
    let number = UInt32(group ?? 0)
    do throws(SystemCallError) {
      try socket.setOption(
        "PACKET_FANOUT", level: SOL_PACKET, PACKET_FANOUT, number | (flags | ignoresOutgoing) << 16)
    } catch {
      guard error.errno == .invalidArgument else { throw error }
      try socket.setOption(
        "PACKET_FANOUT", level: SOL_PACKET, PACKET_FANOUT, number | flags << 16)
    }
    var joined: UInt32 = 0
    try socket.readOption("PACKET_FANOUT", level: SOL_PACKET, PACKET_FANOUT, into: &joined)
    return UInt16(truncatingIfNeeded: joined)
  }

  /// Makes the kernel send what stands in the slots; answers why it did not.
  @inline(__always)
  func kick() -> Errno? { Socket.kickTransmit(socket.raw) }

  /// Packets dropped for want of room since this was last asked.
  func takeDropped() -> UInt64 {
    var statistics = tpacket_stats_v3()
    guard
      (try? socket.readOption(
        "PACKET_STATISTICS", level: SOL_PACKET, PACKET_STATISTICS, into: &statistics)) != nil
    else { return 0 }
    return UInt64(statistics.tp_drops)
  }

  /// Lets nothing more come in.
  func refuseAll() {
    var nothing = sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0)
    // Safe: the kernel copies the program during the call.
    unsafe withUnsafeMutablePointer(to: &nothing) {
      let program = unsafe sock_fprog(len: 1, filter: $0)
      try? unsafe socket.setOption("SO_ATTACH_FILTER", level: SOL_SOCKET, SO_ATTACH_FILTER, program)
    }
  }
}
