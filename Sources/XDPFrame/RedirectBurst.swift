// SPDX-License-Identifier: Apache-2.0

/// The redirected frames of one burst, in order, with their targets.
///
/// A map takes out the frames it has an entry for and leaves the rest, whose miss verdict the loop then acts on.
/// Made once by a loop and reused; one thread at a time.
@frozen
@safe
public struct RedirectBurst: ~Copyable {
  // Safe: one allocation of this value: 64 frames, 64 targets, 64 slots for a map to sort into, and the lanes.
  @usableFromInline let memory: UnsafeMutableRawPointer
  /// The frames in it, 0...64.
  @inlinable public var count: Int { filled }
  @usableFromInline var filled: Int
  /// Frames that a map had an entry for and could not put there, each with its reason; the caller's to recycle.
  public var refused = FrameBulk()

  /// Makes an empty burst.
  ///
  /// - Note: Allocates, once.
  public init() {
    let byteCount = RedirectBurst.laneOffset + RedirectBurst.laneCount * RedirectBurst.laneByteCount
    unsafe memory = .allocate(byteCount: byteCount, alignment: 64)
    filled = 0
  }

  deinit {
    for position in 0..<count { unsafe MemoryRegistry.abandon(descriptors[position]) }
    unsafe memory.deallocate()
  }

  /// The frames' first buffers; the first ``count`` are meaningful.
  @inlinable public var descriptors: UnsafeMutablePointer<Descriptor> {
    unsafe memory.assumingMemoryBound(to: Descriptor.self)
  }

  /// The frames' targets.
  @inlinable public var targets: UnsafeMutablePointer<RedirectTarget> {
    unsafe (memory + 8 &* Limits.budget).assumingMemoryBound(to: RedirectTarget.self)
  }

  /// Room for the slots of one key, for a map to fill a ring from.
  @inlinable public var scratch: UnsafeMutablePointer<UInt64> {
    unsafe (memory + 16 &* Limits.budget).assumingMemoryBound(to: UInt64.self)
  }

  /// The slots in ``scratch``.
  public var scratchCount = 0

  /// The lanes that a map may keep apart while it takes the burst.
  public static let laneCount = 16
  /// The octets of a lane: 16 frames, and a line for what the map must know of them.
  public static let laneByteCount = 64 + 16 * 8
  @usableFromInline static let laneOffset = 3 * 8 * Limits.budget

  /// Room for frames on their way to several ports; nobody looks at what is in it once the map has returned.
  public var lanes: UnsafeMutableRawPointer { unsafe memory + RedirectBurst.laneOffset }

  /// Frames on their way to one port.
  public var staged = FrameBulk()
  /// Frames that a port's own program looks at on their way out; empty otherwise.
  public var leaving = Burst()

  /// Adds a frame.
  ///
  /// - Precondition: Fewer than 64 are in it.
  @inlinable
  @inline(__always)
  public mutating func append(_ frame: consuming Frame, to target: RedirectTarget) {
    precondition(count < Limits.budget, "The redirect burst is full.")
    unsafe descriptors[count] = frame.take()
    unsafe targets[count] = target
    filled &+= 1
  }

  /// Forgets the frames behind the first `left`, which somebody else now owns.
  @inlinable
  @inline(__always)
  public mutating func truncate(to left: Int) {
    precondition(left >= 0 && left <= count, "There are not so many frames in the burst.")
    filled = left
  }

  /// Moves a frame to ``refused`` with its reason; those in it go home first if there is no room.
  public mutating func refuse(_ frame: consuming Frame, _ reason: DropReason) {
    if refused.isFull { refused.recycle() }
    frame.descriptor.reason = reason.rawValue
    refused.append(frame)
  }

  /// Takes the last frame out with its target; nil when there is none.
  @inlinable
  public mutating func popLast() -> (descriptor: Descriptor, target: RedirectTarget)? {
    guard count > 0 else { return nil }
    filled &-= 1
    return unsafe (descriptors[count], targets[count])
  }
}
