// SPDX-License-Identifier: Apache-2.0

/// Up to 64 packets side by side, and a verdict slot for each: what a program is called with.
///
///     packets   64 × ``Buff`` (56 octets)      verdicts   64 × ``Verdict`` (4 octets)
///
/// Made once by a loop and reused for every burst; one thread at a time.
@frozen
@safe
public struct Burst: ~Copyable {
  // Safe: one allocation of this value, `count` packets of which are initialised.
  @usableFromInline let memory: UnsafeMutableRawPointer
  /// The packets in the burst, 0...64.
  @inlinable public var count: Int { filled }
  @usableFromInline var filled: Int

  @inlinable static var verdictOffset: Int { Limits.budget &* MemoryLayout<Buff>.stride }

  /// Makes an empty burst.
  ///
  /// - Note: Allocates, once.
  public init() {
    let byteCount = Burst.verdictOffset + Limits.budget * MemoryLayout<Verdict>.stride
    unsafe memory = .allocate(byteCount: byteCount, alignment: 64)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    filled = 0
  }

  deinit {
    unsafe packets.deinitialize(count: count)
    unsafe memory.deallocate()
  }

  /// The packets, as the C ABI sees them; the first ``count`` are initialised.
  @inlinable public var packets: UnsafeMutablePointer<Buff> {
    unsafe memory.assumingMemoryBound(to: Buff.self)
  }

  /// The verdict slots, as the C ABI sees them.
  @inlinable public var verdicts: UnsafeMutablePointer<Verdict> {
    unsafe (memory + Burst.verdictOffset).assumingMemoryBound(to: Verdict.self)
  }

  /// The packet at `position`.
  ///
  /// - Precondition: 0...``count`` − 1.
  @inlinable
  public subscript(_ position: Int) -> Buff {
    @inline(__always)
    unsafeAddress {
      precondition(position >= 0 && position < count, "There is no such packet in the burst.")
      return unsafe UnsafePointer(packets + position)
    }
    @inline(__always)
    unsafeMutableAddress {
      precondition(position >= 0 && position < count, "There is no such packet in the burst.")
      return unsafe packets + position
    }
  }

  /// Gives the packet at `position` its verdict.
  @inlinable
  @inline(__always)
  public mutating func set(_ verdict: Verdict, at position: Int) {
    precondition(position >= 0 && position < count, "There is no such packet in the burst.")
    unsafe verdicts[position] = verdict
  }

  /// Gives every packet the same verdict.
  @inlinable
  public mutating func setAll(_ verdict: Verdict) {
    unsafe verdicts.update(repeating: verdict, count: count)
  }

  /// Whether no further packet fits.
  @inlinable public var isFull: Bool { count >= Limits.budget }

  /// Adds a packet that was just received, without building it elsewhere first.
  ///
  /// - Precondition: The burst is not full.
  @inlinable
  @inline(__always)
  public mutating func append(
    owning descriptor: Descriptor, queue: ReceiveQueueInfo, headroom: Int, byteCount: Int
  ) {
    precondition(!isFull, "The burst is full.")
    unsafe (packets + count).initialize(
      to: Buff(owning: descriptor, queue: queue, headroom: headroom, byteCount: byteCount))
    filled &+= 1
  }

  /// Adds a packet that was built elsewhere, such as one with fragments.
  ///
  /// - Precondition: The burst is not full.
  @inlinable
  public mutating func append(_ packet: consuming Buff) {
    precondition(!isFull, "The burst is full.")
    unsafe (packets + count).initialize(to: packet)
    filled &+= 1
  }

  /// Adds a frame that is to be looked into again.
  ///
  /// - Precondition: The burst is not full.
  @inlinable
  @inline(__always)
  public mutating func append(_ frame: consuming Frame) {
    precondition(!isFull, "The burst is full.")
    unsafe (packets + count).initialize(to: Buff(frame))
    filled &+= 1
  }

  /// Takes the packet at `position` out as a frame; the slot is empty afterwards.
  ///
  /// The loop that owns the burst takes every position out once and then calls ``removeAll()``.
  ///
  /// - Returns: nil when the packet leaves too little room to rest; its buffers are then still the caller's, to be
  ///   had from ``takeAnyway(at:)``.
  /// - Precondition: 0...``count`` − 1, and not taken yet; checked in debug builds, and only the former.
  @inlinable
  @inline(__always)
  public mutating func takeFrame(at position: Int) -> Frame? {
    assert(position >= 0 && position < count, "There is no such packet in the burst.")
    guard unsafe packets[position].mayRest else { return nil }
    return takeAnyway(at: position)
  }

  /// Takes the packet at `position` out, on its way home, whatever room it leaves.
  @inlinable
  @inline(__always)
  public mutating func takeAnyway(at position: Int) -> Frame {
    assert(position >= 0 && position < count, "There is no such packet in the burst.")
    unsafe packets[position].describe()
    return unsafe Frame(owning: packets[position].descriptor)
  }

  /// Takes the packet at `position` out, on its way home: only that is kept which its buffers need to get there.
  @inlinable
  @inline(__always)
  public mutating func takeHome(at position: Int) -> Frame {
    assert(position >= 0 && position < count, "There is no such packet in the burst.")
    // Safe: the caller passes a position below the count, once.
    let packet = unsafe packets + position
    let descriptor = unsafe packet.pointee.descriptor
    descriptor.flags = unsafe packet.pointee.marks
    return Frame(owning: descriptor)
  }

  /// Forgets the packets, all of which have been taken out.
  @inlinable
  @inline(__always)
  public mutating func removeAll() {
    filled = 0
  }
}
