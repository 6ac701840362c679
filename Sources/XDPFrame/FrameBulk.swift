// SPDX-License-Identifier: Apache-2.0

/// Up to 64 frames that share a fate: transmitted together, or sent home together.
///
/// Going home together is what makes it cheap: each memory model is called once for all of its buffers, and takes
/// its lock once. Made once by a loop and reused; one thread at a time. Frames left in it when it is dropped count
/// as abandoned.
///
/// Source: `struct xdp_frame_bulk`, `include/net/xdp.h`, which holds 16 and knows the page pool only.
@frozen
@safe
public struct FrameBulk: ~Copyable {
  /// The most frames.
  @inlinable public static var capacity: Int { Limits.budget }

  // Safe: one allocation of this value: `capacity` frames, then room for the buffers of one round home.
  @usableFromInline let memory: UnsafeMutablePointer<Descriptor>
  /// The frames in it, 0...64.
  @inlinable public var count: Int { filled }
  @usableFromInline var filled: Int

  /// Makes an empty bulk.
  ///
  /// - Note: Allocates, once.
  public init() {
    unsafe memory = .allocate(capacity: FrameBulk.capacity + HomeBound.capacity)
    filled = 0
  }

  deinit {
    for position in 0..<count { unsafe MemoryRegistry.abandon(memory[position]) }
    unsafe memory.deallocate()
  }

  /// Whether there are no frames.
  @inlinable public var isEmpty: Bool { count == 0 }
  /// Whether no further frame fits.
  @inlinable public var isFull: Bool { count >= FrameBulk.capacity }

  /// The frames' first buffers; the first ``count`` are meaningful.
  @inlinable public var descriptors: UnsafeMutablePointer<Descriptor> { unsafe memory }

  /// Adds a frame.
  ///
  /// - Precondition: The bulk is not full.
  @inlinable
  @inline(__always)
  public mutating func append(_ frame: consuming Frame) {
    precondition(!isFull, "The bulk is full.")
    unsafe memory[count] = frame.take()
    filled &+= 1
  }

  /// Takes the last frame out; nil when there is none.
  @inlinable
  public mutating func popLast() -> Frame? {
    guard count > 0 else { return nil }
    filled &-= 1
    return unsafe Frame(owning: memory[count])
  }

  /// Gives up the first `taken` frames, which now belong to whoever sent or queued them.
  @inlinable
  @inline(__always)
  public mutating func removeFirst(_ taken: Int) {
    precondition(taken >= 0 && taken <= count, "There are not so many frames in the bulk.")
    let left = count &- taken
    if left > 0, taken > 0 { unsafe memory.update(from: memory + taken, count: left) }
    filled = left
  }

  /// Moves the frames that satisfy a condition to the end of another bulk; both keep their order.
  ///
  /// - Parameters:
  ///   - other: Has room for all of them.
  ///   - isMoving: Asked once for each frame's first buffer.
  @inlinable
  public mutating func moveFrames(
    into other: inout FrameBulk, where isMoving: (Descriptor) -> Bool
  ) {
    var left = 0
    var position = 0
    while position < count {
      let descriptor = unsafe memory[position]
      if isMoving(descriptor) {
        other.append(Frame(owning: descriptor))
      } else {
        unsafe memory[left] = descriptor
        left &+= 1
      }
      position &+= 1
    }
    filled = left
  }

  /// Ends all frames and sends their buffers home, each model's together.
  ///
  /// Source: `xdp_return_frame_bulk()` and `xdp_flush_frame_bulk()`, `net/core/xdp.c`.
  @inlinable
  public mutating func recycle(_ reason: DropReason) {
    guard count > 0 else { return }
    var home = unsafe HomeBound(memory: memory + FrameBulk.capacity)
    var position = 0
    while position < count {
      let descriptor = unsafe memory[position]
      descriptor.reason = reason.rawValue
      home.add(frame: descriptor)
      position &+= 1
    }
    home.flush()
    filled = 0
  }

  /// Sends all frames home as they are: they were sent by copying, or each already says why it was refused.
  @inlinable
  public mutating func recycle() {
    guard count > 0 else { return }
    var home = unsafe HomeBound(memory: memory + FrameBulk.capacity)
    var position = 0
    while position < count {
      home.add(frame: unsafe memory[position])
      position &+= 1
    }
    home.flush()
    filled = 0
  }
}

/// Buffers on their way home, sorted by model.
@frozen
@usableFromInline
@safe
struct HomeBound {
  /// One round: 64 frames without fragments, or fewer with them; a frame brings at most 18 at a time.
  @inlinable static var capacity: Int { 2 &* roundCount }
  @inlinable static var roundCount: Int { Limits.budget &+ frameCount }
  /// The most buffers of one frame.
  @inlinable static var frameCount: Int { 1 &+ Limits.fragments }

  // Safe: twice `room` descriptors of the caller: the round, and as many again to sort them in.
  @usableFromInline let memory: UnsafeMutablePointer<Descriptor>
  @usableFromInline let room: Int
  @usableFromInline var count: Int

  @inlinable
  @inline(__always)
  init(memory: UnsafeMutablePointer<Descriptor>, room: Int = roundCount) {
    unsafe self.memory = memory
    self.room = room
    count = 0
  }

  /// Adds a frame's buffers, fragments first; flushes when the round is full.
  @inlinable
  @inline(__always)
  mutating func add(frame descriptor: Descriptor) {
    if descriptor.flags.contains(.hasFragments) { addFragments(of: descriptor) }
    unsafe memory[count] = descriptor
    count &+= 1
    if count >= Limits.budget { flush() }
  }

  @usableFromInline
  mutating func addFragments(of head: Descriptor) {
    let info = head.sharedInfo
    let memory = unsafe memory
    var end = count
    for position in 0..<info.fragmentCount {
      let fragment = unsafe info.fragments[position]
      // A forged fragment is not ours to return: its buffer shows up as missing in the ledger.
      guard fragment.isPart(of: head) else { continue }
      let part = unsafe Descriptor(base: head.base, index: fragment.slot.index)
      part.leave()
      unsafe memory[end] = part
      end &+= 1
    }
    count = end
    head.flags.subtract(.ofFragments)
  }

  /// Calls each model once with its buffers.
  @inlinable
  @inline(__always)
  mutating func flush() {
    guard count > 0 else { return }
    let id = unsafe memory[0].memoryID
    var position = 1
    while position < count, unsafe memory[position].memoryID == id { position &+= 1 }
    if position == count {
      unsafe MemoryRegistry.recycle(memory, count: count, id: id)
    } else {
      flushMixed()
    }
    count = 0
  }

  /// Sorts out one model's buffers per round, keeping their order.
  @usableFromInline
  mutating func flushMixed() {
    let group = unsafe memory + room
    while count > 0 {
      let id = unsafe memory[0].memoryID
      var taken = 0
      var left = 0
      for position in 0..<count {
        let descriptor = unsafe memory[position]
        if descriptor.memoryID == id {
          unsafe group[taken] = descriptor
          taken += 1
        } else {
          unsafe memory[left] = descriptor
          left += 1
        }
      }
      unsafe MemoryRegistry.recycle(group, count: taken, id: id)
      count = left
    }
  }
}
