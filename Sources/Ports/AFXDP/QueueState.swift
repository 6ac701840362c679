// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Metrics
internal import Rings
internal import Synchronization
internal import XDPFrame

/// A reference to what one queue of an AF_XDP port knows, hand-laid in private memory.
///
///        0 control lines of the receive, fill, transmit and completion ring, 64 octets each
///      256 the queue's thread: skipping u32, starved u32, next check u64
///      320 the lane: lock u32, open u32, refusal u32, has rings u32           under the lock
///      384 kicks: in progress u32, pending u32, socket i32, suspicion u32      atomic
///      448 tally of the lane, 512 octets                                       under the lock
///      960 buffers on their way home, 82 × u64                                 under the lock
///     1664 what the rings refer to while there is no socket, 128 octets
///
/// Who writes what: the thread that serves the queue uses the receive and the fill ring and the second line. Who
/// transmits, that thread or another, holds the lane's lock and uses the transmit and the completion ring. The lock
/// (A) orders what one holder leaves for the next. Kicks are counted beside the lock, because the kernel may take
/// its time: whoever closes the lane takes the lock, marks it closed, and then waits (B) until no kick is in
/// progress before it closes the socket; a sender counts its kick before it releases the lock, so either it sees
/// the lane closed, or whoever closes sees its kick.
@safe
struct QueueState: @unchecked Sendable {
  // Safe: `byteCount` octets that the queue owns, and offsets that stay inside them.
  let memory: UnsafeMutableRawPointer

  static let byteCount = 1_792
  static let unusedRingsOffset = 1_664
  static let homewardCapacity = Limits.budget + 1 + Limits.fragments

  init(memory: UnsafeMutableRawPointer) {
    unsafe self.memory = memory
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<UInt32> {
    unsafe (memory + offset).assumingMemoryBound(to: UInt32.self)
  }

  private func atomic(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (memory + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  // MARK: - The queue's thread

  /// 1 while the rest of a packet that was too long is being skipped, otherwise 0.
  var skipping: UInt32 {
    get { unsafe word(256).pointee }
    nonmutating set { unsafe word(256).pointee = newValue }
  }

  /// Whether the fill ring has room that the pool could not fill.
  var isStarved: Bool {
    get { unsafe word(260).pointee != 0 }
    nonmutating set { unsafe word(260).pointee = newValue ? 1 : 0 }
  }

  /// When the queue's health is to be looked at next, in nanoseconds of the monotonic clock.
  var nextCheck: UInt64 {
    get { unsafe memory.load(fromByteOffset: 264, as: UInt64.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, toByteOffset: 264, as: UInt64.self) }
  }

  // MARK: - The lane

  var lock: SpinLock { unsafe SpinLock(memory + 320) }

  /// Whether frames may be put into the transmit ring.
  var isOpen: Bool {
    get { unsafe word(324).pointee != 0 }
    nonmutating set { unsafe word(324).pointee = newValue ? 1 : 0 }
  }

  /// Whether there are rings that nobody is letting go of.
  var hasRings: Bool {
    get { unsafe word(332).pointee != 0 }
    nonmutating set { unsafe word(332).pointee = newValue ? 1 : 0 }
  }

  /// Why not, a ``DropReason``.
  var refusal: DropReason {
    get { unsafe DropReason(rawValue: UInt16(truncatingIfNeeded: word(328).pointee)) ?? .portGone }
    nonmutating set { unsafe word(328).pointee = UInt32(newValue.rawValue) }
  }

  /// What the lane has sent and refused.
  var tally: Tally { unsafe Tally(memory: memory + 448) }

  /// Room for buffers that are about to go home.
  var homeward: UnsafeMutablePointer<Descriptor> {
    unsafe (memory + 960).assumingMemoryBound(to: Descriptor.self)
  }

  // MARK: - Kicks

  /// The calls into the kernel that are being made for the lane.
  var kicks: UnsafeMutablePointer<Atomic<UInt32>> { unsafe atomic(384) }

  /// Whether descriptors wait in the transmit ring for another call.
  var isKickPending: Bool {
    get { unsafe atomic(388).pointee.load(ordering: .relaxed) != 0 }
    nonmutating set { unsafe atomic(388).pointee.store(newValue ? 1 : 0, ordering: .relaxed) }
  }

  /// The socket; −1 while there is none.
  var socket: Int32 {
    get { unsafe Int32(bitPattern: atomic(392).pointee.load(ordering: .relaxed)) }
    nonmutating set {
      unsafe atomic(392).pointee.store(UInt32(bitPattern: newValue), ordering: .relaxed)
    }
  }

  /// Whether a call failed in a way that says the interface is down or gone.
  var isSuspect: Bool {
    get { unsafe atomic(396).pointee.load(ordering: .relaxed) != 0 }
    nonmutating set { unsafe atomic(396).pointee.store(newValue ? 1 : 0, ordering: .relaxed) }
  }

  /// Frames that the kernel took and dropped, `EBUSY`.
  var kernelRefused: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (memory + 400).assumingMemoryBound(to: Atomic<UInt64>.self)
  }
}
