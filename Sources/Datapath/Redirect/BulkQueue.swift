// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// Frames on their way out of one port, up to 16, in order.
///
/// A view over one lane of a redirect burst:
///
///      0 entry: the last that led here     8 count     16 whether they count as redirected once the port has them
///     64 16 frames
///
/// Source: `struct xdp_dev_bulk_queue`, `kernel/bpf/devmap.c`. There the first frame's program runs over all of them;
/// here frames of another entry with another program begin a new bulk.
@safe
struct BulkQueue {
  // Safe: a lane of the burst that the caller works on.
  private let lane: UnsafeMutableRawPointer

  init(lane: UnsafeMutableRawPointer) {
    unsafe self.lane = lane
  }

  /// The frames sent together, `DEV_MAP_BULK_SIZE`.
  static var capacity: Int { 16 }

  /// The entry whose port and program the frames meet.
  ///
  /// Safe: the caller's section keeps entries alive, and their counts need not be touched for it.
  @inline(__always)
  var entry: Unmanaged<DevMapEntry> {
    unsafe lane.load(as: Unmanaged<DevMapEntry>.self)
  }

  /// The frames in it.
  @inline(__always)
  var count: Int {
    get { unsafe lane.load(fromByteOffset: 8, as: Int.self) }
    nonmutating set { unsafe lane.storeBytes(of: newValue, toByteOffset: 8, as: Int.self) }
  }

  /// Whether the frames count as redirected once the port has them; copies of one that did already do not.
  @inline(__always)
  var isCounted: Bool { unsafe lane.load(fromByteOffset: 16, as: Bool.self) }

  /// The frames' first buffers.
  @inline(__always)
  private var frames: UnsafeMutablePointer<Descriptor> {
    unsafe (lane + 64).assumingMemoryBound(to: Descriptor.self)
  }

  /// Begins a bulk; the queue is empty.
  @inline(__always)
  func begin(_ entry: Unmanaged<DevMapEntry>, isCounted: Bool) {
    unsafe lane.storeBytes(of: entry, as: Unmanaged<DevMapEntry>.self)
    unsafe lane.storeBytes(of: isCounted, toByteOffset: 16, as: Bool.self)
    count = 0
  }

  /// Adds a frame; fewer than 16 are in it.
  ///
  /// - Returns: How many there are now.
  @inline(__always)
  func append(_ frame: consuming Frame) -> Int {
    let count = count
    unsafe (frames + count).initialize(to: frame.take())
    self.count = count &+ 1
    return count &+ 1
  }

  /// Moves the frames to where a port takes them from.
  @inline(__always)
  func empty(into bulk: inout FrameBulk) {
    let count = count
    var position = 0
    while position < count {
      bulk.append(Frame(owning: unsafe frames[position]))
      position &+= 1
    }
    self.count = 0
  }
}
