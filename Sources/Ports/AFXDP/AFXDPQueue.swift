// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import MemModels
internal import Rings
internal import Synchronization
internal import Syscalls
internal import XDPFrame

/// One queue of an AF_XDP port: its rings, its pool, and the lane by which frames are sent.
///
///              ┌── fill ◀── pool ◀──────────────┐
///     kernel ──┤                                │ home
///              ├── receive ──▶ a burst          │
///              │                                │
///              ├── transmit ◀── frames of any thread
///              └── completion ──────────────────┘
///
/// One thread serves it: it receives, refills and looks after its health. Any thread may transmit. It works on
/// rings in whatever memory, so that it can be tested against a kernel that is not one.
final class AFXDPQueue: Sendable {
  /// What frames that arrive by the queue carry.
  let info: ReceiveQueueInfo
  /// Where received packets have their home.
  let pool: XSKPool
  /// Where frames from other memory are copied to; belongs to whoever holds the lane's lock.
  let copies: XSKPool
  let umem: UMEM
  let state: QueueState
  let rings: QueueRings
  /// Octets of a chunk minus 1.
  let chunkMask: UInt64
  /// The UMEM's first octet, from the beginning of the arena window.
  let origin: UInt64
  /// Whether the kernel says when it wants to be called.
  let usesWakeup: Bool
  /// 1 if headers are received into a chunk of their own, otherwise 0.
  let splitting: UInt32
  /// The socket, and what is counted over the sockets that the queue has had.
  let socket: Mutex<SocketSlot>

  /// The socket of a queue while it has one.
  struct SocketSlot: ~Copyable {
    var socket: XSKSocket?
    var member: UMEMSocket?
    var interfaceIndex: UInt32 = 0
    /// Whether there was one before.
    var isUsed = false
    /// What former sockets counted.
    var past = AFXDPCounters()
    /// Readable while packets wait, whichever socket it is.
    var poll: Epoll?
  }

  /// Makes a queue without a socket.
  init(
    info: ReceiveQueueInfo, pool: XSKPool, copies: XSKPool, usesWakeup: Bool,
    splitsHeaders: Bool = false
  ) {
    self.info = info
    self.pool = pool
    self.copies = copies
    self.usesWakeup = usesWakeup
    splitting = splitsHeaders ? 1 : 0
    umem = pool.umem
    chunkMask = UInt64(umem.chunkByteCount - 1)
    origin = UInt64(umem.segment.offset)
    // Safe: freed in deinit; nobody but this queue refers to it.
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: QueueState.byteCount, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: QueueState.byteCount)
    unsafe state = QueueState(memory: memory)
    state.socket = -1
    state.refusal = .portGone
    rings = QueueRings(state)
    socket = Mutex(SocketSlot())
    copies.disown()
  }

  deinit {
    unsafe state.memory.deallocate()
  }

  /// The number by which the ledger knows what this queue transmits, unique in its datapath.
  var sender: UInt32 { UInt32(info.number) }

  /// Takes up rings and gives the kernel everything it may fill; the queue's thread.
  ///
  /// - Parameters:
  ///   - mappings: Where the rings are.
  ///   - capacities: How long they are.
  ///   - socket: What to kick; −1 for rings whose other side needs no kick.
  func open(_ mappings: QueueRings.Mappings, _ capacities: QueueRings.Capacities, socket: Int32) {
    pool.adopt()
    state.lock.acquire(as: clinux_context())
    QueueRings.open(state, mappings, capacities)
    state.socket = socket
    state.isSuspect = false
    state.isKickPending = false
    state.hasRings = true
    state.lock.release()
    state.skipping = 0
    refill()
  }

  /// Lets frames be sent, or says why not.
  func setLane(open: Bool, refusal: DropReason) {
    state.lock.acquire(as: clinux_context())
    // Not while the queue's thread is letting go of the rings.
    state.isOpen = open && state.hasRings
    state.refusal = refusal
    state.lock.release()
  }

  /// Ends the use of the rings: no sender is at work on them afterwards.
  ///
  /// - Returns: The packets that the kernel had delivered and nobody has seen.
  func letGo() -> Int {
    state.lock.acquire(as: clinux_context())
    state.isOpen = false
    state.hasRings = false
    reap()
    state.lock.release()
    while unsafe state.kicks.pointee.load(ordering: .acquiring) != 0 { clinux_pause() }  // (B)
    let unseen = unseenPackets()
    state.lock.acquire(as: clinux_context())
    QueueRings.close(state)
    state.socket = -1
    state.lock.release()
    return unseen
  }

  /// Takes back every chunk that the kernel held; after the rings were let go and unmapped.
  func reclaim() {
    pool.reclaimFilled()
    umem.reclaimTransmitted(by: sender)
  }

  /// Whether a ring showed indices that cannot be.
  var isCorrupt: Bool {
    rings.receive.isCorrupt || rings.fill.isCorrupt || rings.transmit.isCorrupt
      || rings.completion.isCorrupt
  }

  /// The whole packets in the receive ring.
  func unseenPackets() -> Int {
    let (first, available) = rings.receive.peek(rings.receive.capacity)
    var packets = 0
    for position in 0..<available {
      if !rings.receive[first &+ UInt32(position)].continues { packets += 1 }
    }
    return packets
  }
}
