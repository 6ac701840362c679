// SPDX-License-Identifier: Apache-2.0

public import Arena
public import Synchronization

/// A model behind one virtual call, so that the path home needs neither existential nor reference counting.
@usableFromInline
class ModelGate: @unchecked Sendable {
  @usableFromInline init() {}

  @usableFromInline
  func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {}
}

/// The gate of one type of model; inlined where the model is registered.
@usableFromInline
final class TypedGate<Model: MemoryModel>: ModelGate, @unchecked Sendable {
  @usableFromInline let model: Model

  @usableFromInline
  init(_ model: Model) {
    self.model = model
    super.init()
  }

  @inlinable
  override func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int) {
    unsafe model.recycle(descriptors, count: count)
  }
}

extension MemoryRegistry {
  /// One model's words in the process-local region.
  @frozen
  @usableFromInline
  @safe
  struct Entry {
    // Safe: words that exist as long as the arena; both are only touched atomically.
    @usableFromInline let word: UnsafeMutableRawPointer

    @inlinable
    @inline(__always)
    init(word: UnsafeMutableRawPointer) {
      unsafe self.word = word
    }

    @inlinable var gate: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>> {
      unsafe word.assumingMemoryBound(to: Atomic<UnsafeMutableRawPointer?>.self)
    }
    @inlinable var abandoned: UnsafeMutablePointer<Atomic<UInt64>> {
      unsafe (word + 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
  }

  @inlinable
  @inline(__always)
  static func entry(_ id: UInt16, base: UnsafeMutableRawPointer) -> Entry {
    unsafe Entry(word: base + (Int(bitPattern: AddressMap.localOffset) &+ Int(id) &<< 4))
  }

  /// Sends buffers of one model home.
  ///
  /// Buffers of a model that is not registered have no home; they are counted under id 0 and left alone.
  ///
  /// Source: `__xdp_return()`, `net/core/xdp.c`, which warns about an unknown type and leaks as well.
  @inlinable
  @inline(__always)
  static func recycle(
    _ descriptors: UnsafeMutablePointer<Descriptor>, count: Int, id: UInt16
  ) {
    let base = unsafe descriptors[0].base
    let entry = unsafe MemoryRegistry.entry(id, base: base)
    guard let gate = unsafe entry.gate.pointee.load(ordering: .acquiring) else {
      unsafe countHomeless(count, base: base)
      return
    }
    // Safe: a gate lives until its model's last buffer is home, and these buffers are not home yet.
    unsafe Unmanaged<ModelGate>.fromOpaque(gate)._withUnsafeGuaranteedRef {
      unsafe $0.recycle(descriptors, count: count)
    }
  }

  /// Sends buffers home one by one as their kernel gives them back, each model's together.
  ///
  /// They are buffers, not frames: nobody looks for fragments behind them.
  ///
  /// - Parameters:
  ///   - buffers: Overwritten.
  ///   - count: How many, 0 or more.
  public static func recycle(buffers: UnsafeMutablePointer<Descriptor>, count: Int) {
    var first = 0
    while first < count {
      let id = unsafe buffers[first].memoryID
      var end = first &+ 1
      var position = end
      while position < count {
        // Safe: both positions are below the count.
        let buffer = unsafe buffers[position]
        if buffer.memoryID == id {
          unsafe buffers[position] = unsafe buffers[end]
          unsafe buffers[end] = buffer
          end &+= 1
        }
        position &+= 1
      }
      unsafe recycle(buffers + first, count: end &- first, id: id)
      first = end
    }
  }

  @usableFromInline
  static func countHomeless(_ count: Int, base: UnsafeMutableRawPointer) {
    let entry = unsafe MemoryRegistry.entry(0, base: base)
    unsafe entry.abandoned.pointee.wrappingAdd(UInt64(count), ordering: .relaxed)
  }

  /// Sends one buffer home.
  @inlinable
  @inline(__always)
  static func recycle(_ descriptor: Descriptor) {
    var descriptor = descriptor
    unsafe withUnsafeMutablePointer(to: &descriptor) {
      unsafe recycle($0, count: 1, id: $0.pointee.memoryID)
    }
  }

  /// Sends one frame's buffers home.
  @inlinable
  @inline(__always)
  static func recycle(frame descriptor: Descriptor) {
    if descriptor.flags.contains(.hasFragments) {
      recycleFragments(frame: descriptor)
    } else {
      recycle(descriptor)
    }
  }

  @usableFromInline
  static func recycleFragments(frame descriptor: Descriptor) {
    // Small enough to lie on the stack: beyond 1,024 octets a temporary allocation is one on the heap.
    let room = HomeBound.frameCount
    unsafe withUnsafeTemporaryAllocation(of: Descriptor.self, capacity: 2 * room) {
      guard let memory = $0.baseAddress else { return }
      var home = unsafe HomeBound(memory: memory, room: room)
      home.add(frame: descriptor)
      home.flush()
    }
  }

  /// Counts a frame or buffer that nobody gave a reason, and sends it home.
  @usableFromInline
  @inline(never)
  static func abandon(_ descriptor: Descriptor) {
    let entry = unsafe MemoryRegistry.entry(descriptor.memoryID, base: descriptor.base)
    unsafe entry.abandoned.pointee.wrappingAdd(1, ordering: .relaxed)
    recycle(frame: descriptor)
  }
}
