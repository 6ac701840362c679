// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import Rings
internal import Synchronization
internal import Syscalls
public import XDPFrame

/// One entry of a CPU map: a bounded queue, and a worker on its CPU that runs the entry's own program.
///
///     producers ──▶ lock ──▶ ring of slots ──▶ worker (pinned) ──▶ program ──▶ verdicts
///
/// Producers are receive loops and other workers; the lock makes them one for the time of a flush. The queue never
/// blocks: what does not fit is dropped, newest first, and counted as `ring_drop`.
///
///       0 lock u32                     64 the producers' tally, written under the lock
///     576 the worker's tally         1088 the ring
///
/// Source: `struct bpf_cpu_map_entry`, `kernel/bpf/cpumap.c`.
@safe
public final class CPUMapEntry: Sendable {
  /// The entry's key in its map.
  public let key: UInt32
  /// The operator's name for it.
  public let name: String
  /// The CPU that its worker runs on.
  public let cpu: Int
  /// The most frames in its queue.
  public let queueCapacity: Int
  /// The program, exchangeable under traffic; an empty slot passes every packet.
  public let program: ProgramSlot
  /// Where the worker sleeps.
  public let parking: Parking
  /// Frames offered, taken and refused.
  public let offers: Tally
  /// What became of the frames that were taken.
  public let tally: Tally
  let ring: SPSCRing
  /// Where the arena of its frames begins.
  ///
  /// Safe: the block keeps the arena alive.
  nonisolated(unsafe) let arenaBase: UnsafeMutableRawPointer
  private let lock: SpinLock
  private let block: TrustedBlock
  private let phase = Atomic(Phase.held)
  private let thread = Mutex<Thread?>(nil)
  let stepped = SteppedWorker()

  /// What the worker is to do; only ever moves on.
  enum Phase: UInt8, AtomicRepresentable {
    /// Wait: the entry that had the key before is not empty yet.
    case held
    /// Work.
    case working
    /// Work until the queue is empty, then end.
    case stopping
  }

  private static let ringOffset = 64 + 2 * Tally.byteCount

  init(
    key: UInt32, value: CPUMap.Value, program: ProgramSlot, arena: Arena, parking: Parking
  ) throws(ArenaError) {
    self.key = key
    name = value.name
    cpu = value.cpu
    queueCapacity = value.queueCapacity
    self.program = program
    self.parking = parking
    unsafe arenaBase = arena.base
    let byteCount = CPUMapEntry.ringOffset + SPSCRing.byteCount(capacity: value.queueCapacity)
    block = try arena.allocateTrusted(byteCount: UInt(byteCount))
    // Safe: parts of the block that was just sized for them, and that lives as long as the entry.
    unsafe lock = SpinLock(block.address)
    unsafe offers = Tally(memory: block.address + 64)
    unsafe tally = Tally(memory: block.address + 64 + Tally.byteCount)
    unsafe ring = SPSCRing(
      initializing: block.address + CPUMapEntry.ringOffset, capacity: value.queueCapacity)
  }

  /// Queues slots, in order, and wakes the worker if it sleeps: once for all of them.
  ///
  /// - Returns: How many were taken; the rest stays the caller's.
  @inline(__always)
  func enqueue(_ slots: UnsafePointer<UInt64>, count: Int) -> Int {
    lock.acquire(as: clinux_context())
    let taken = unsafe ring.produce(slots, count: count)
    offers.add(count, to: .offered)
    offers.add(taken, to: .enqueued)
    if taken < count { offers.add(count &- taken, to: .ringFull) }
    lock.release()
    parking.wake()
    return taken
  }

  /// Frames that wait in the queue; exact when quiet.
  public var depth: Int { ring.count }
}

// MARK: - The worker's life

extension CPUMapEntry {
  /// What the worker is to do now.
  @inline(__always)
  var currentPhase: Phase { phase.load(ordering: .acquiring) }

  /// Whether the worker has something to do; asked before it sleeps.
  var hasWork: Bool {
    switch currentPhase {
    case .held: false
    case .working: !ring.isEmpty
    case .stopping: true
    }
  }

  /// Starts the worker, which waits.
  func start(in datapath: Datapath) throws(SystemCallError) {
    if datapath.workerMode == .stepped { return stepped.begin(Worker(self, in: datapath)) }
    let started = try Thread(name: "cpumap/\(cpu)/\(name)", on: [cpu]) { [self] in
      let worker = Worker(self, in: datapath)
      worker.run()
    }
    store(started)
  }

  private func store(_ started: consuming Thread) {
    var started = Optional(started)
    thread.withLock { $0 = started.take() }
  }

  /// Lets the worker work.
  func begin() {
    phase.store(.working, ordering: .releasing)
    parking.rouse()
  }

  /// Stops the worker once its queue is empty, and waits for it.
  ///
  /// Nobody may be able to enqueue any more: a worker that stopped first would leave frames behind.
  func stop() {
    requestStop()
    let running = thread.withLock { $0.take() }
    running?.join()
    stepped.end()
  }

  /// Stops the worker once its queue is empty, without waiting for it.
  func requestStop() {
    phase.store(.stopping, ordering: .releasing)
    parking.rouse()
  }
}
