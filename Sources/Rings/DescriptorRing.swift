// SPDX-License-Identifier: Apache-2.0

public import CLinux
public import Synchronization

/// A fill or completion ring of AF_XDP: addresses in the UMEM.
public typealias AddressRing = DescriptorRing<UInt64>

/// A receive or transmit ring of AF_XDP: descriptors of pieces of packets.
public typealias FrameDescriptorRing = DescriptorRing<FrameDescriptor>

/// One side of a ring of descriptors that a kernel, or whoever is not trusted, shares.
///
/// The ring's indices and descriptors lie in the kernel's mapping. What this side knows by itself
/// lies in a control line, private to the process, that the 8-octet value refers to:
///
///         +0   where the producer index is   +24  where the descriptors are
///         +8   where the consumer index is   +32  mask | own producer index
///         +16  where the flags are, or 0     +40  own consumer index | is corrupt
///
/// One thread uses it, as producer (`reserve`, write, `submit`: fill, transmit) or as consumer
/// (`peek`, read, `release`: receive, completion), never as both. Whoever allocated the control line
/// keeps it and the mapping in place while any copy is in use. Never allocates.
///
/// Who writes and which orderings pair; the kernel's half is in `net/xdp/xsk_queue.h`:
///
/// - (A) The producing side fills descriptors, then stores the producer index, releasing. (B) The
///   consuming side loads that index, acquiring, then reads. Without the pair it would read
///   descriptors that are not written yet.
/// - (C) The consuming side reads descriptors, then stores the consumer index, releasing. (D) The
///   producing side loads that index, acquiring, then overwrites. Without the pair it would
///   overwrite descriptors that are still being read.
///
/// This side's own index is kept in the control line and only ever stored to the mapping, so that the
/// other side cannot move it. The other side's index is believed only if it claims no more than the
/// ring has; else the ring is corrupt from then on, and grants nothing. A descriptor is read once, by
/// copy: check the copy, use the copy.
///
/// Source: `struct xsk_queue`, `net/xdp/xsk_queue.h`; `struct xsk_ring_prod`, libxdp's `xsk.h`.
@safe
@frozen
public struct DescriptorRing<Element: BitwiseCopyable>: @unchecked Sendable {
  // Safe: @unchecked Sendable, because one thread at a time is the contract and the fields that the
  // kernel touches too are atomic.
  @usableFromInline let control: UnsafeMutableRawPointer

  /// The octets of a control line.
  @inlinable
  public static var controlByteCount: Int { RingGeometry.cacheLineByteCount }

  /// Takes up one side of a ring at the indices that it shows.
  ///
  /// That is 0 for a new ring; for one inherited from a process that died, wherever it stood.
  ///
  /// - Parameters:
  ///   - control: `controlByteCount` octets, aligned to 64, for this side alone.
  ///   - mapping: The start of the ring's mapping.
  ///   - offsets: Where its parts lie, as the kernel said (`XDP_MMAP_OFFSETS`).
  ///   - capacity: The number of descriptors; a power of two.
  public init(
    initializing control: UnsafeMutableRawPointer, mapping: UnsafeMutableRawPointer,
    offsets: xdp_ring_offset, capacity: Int
  ) {
    precondition(
      capacity > 0 && capacity <= 1 << 31 && capacity.nonzeroBitCount == 1,
      "A descriptor ring has a power of two of descriptors.")
    unsafe self.control = unsafe control
    unsafe control.initializeMemory(as: UInt8.self, repeating: 0, count: Self.controlByteCount)
    let parts = [offsets.producer, offsets.consumer, offsets.flags, offsets.desc]
    for (i, offset) in parts.enumerated() {
      unsafe control.storeBytes(
        of: mapping + Int(offset), toByteOffset: 8 * i, as: UnsafeMutableRawPointer.self)
    }
    unsafe control.storeBytes(of: UInt32(capacity - 1), toByteOffset: 32, as: UInt32.self)
    ownProducer = unsafe producer.pointee.load(ordering: .acquiring)
    ownConsumer = unsafe consumer.pointee.load(ordering: .acquiring)
    isCorrupt = ownProducer &- ownConsumer > UInt32(capacity)
  }

  /// The number of descriptors.
  @inlinable
  public var capacity: Int { Int(truncatingIfNeeded: mask) &+ 1 }

  /// The descriptor at an index that `reserve` or `peek` granted.
  ///
  /// Reading copies it out of the shared memory once.
  @inlinable
  public subscript(index: UInt32) -> Element {
    get { unsafe descriptors.address(index).pointee }
    nonmutating set { unsafe descriptors.address(index).pointee = newValue }
  }

  /// Whether the kernel wants a system call to go on: `poll` for a fill ring, `sendto` for a transmit ring.
  ///
  /// Asked after `submit`. The kernel raises the flag and does not look at the ring again, so a
  /// submit that crosses it can go unnoticed until the next: do not wait on a ring without a time-out.
  ///
  /// Source: `xsk_ring_prod__needs_wakeup()`, libxdp's `xsk.h`; `XDP_RING_NEED_WAKEUP`.
  @inlinable
  public var needsWakeup: Bool {
    unsafe flags.pointee.load(ordering: .relaxed) & UInt32(XDP_RING_NEED_WAKEUP) != 0
  }
}

// MARK: - Fields

// Safe: the offsets lie in the control line, the addresses in it were made from the mapping, and the
// mask keeps every index inside the descriptors.
extension DescriptorRing {
  @inlinable
  var producer: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe control.load(as: UnsafeMutablePointer<Atomic<UInt32>>.self)
  }

  @inlinable
  var consumer: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe control.load(fromByteOffset: 8, as: UnsafeMutablePointer<Atomic<UInt32>>.self)
  }

  @inlinable
  var flags: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe control.load(fromByteOffset: 16, as: UnsafeMutablePointer<Atomic<UInt32>>.self)
  }

  @inlinable
  var descriptors: SlotArray<Element> {
    unsafe SlotArray(
      first: control.load(fromByteOffset: 24, as: UnsafeMutablePointer<Element>.self), mask: mask)
  }

  @inlinable
  var mask: UInt32 { unsafe control.load(fromByteOffset: 32, as: UInt32.self) }

  /// As producer where the next descriptor goes; as consumer the producer index last believed.
  @inlinable
  var ownProducer: UInt32 {
    get { unsafe control.load(fromByteOffset: 36, as: UInt32.self) }
    nonmutating set {
      unsafe control.storeBytes(of: newValue, toByteOffset: 36, as: UInt32.self)
    }
  }

  /// As consumer where the next descriptor is; as producer the consumer index last believed.
  @inlinable
  var ownConsumer: UInt32 {
    get { unsafe control.load(fromByteOffset: 40, as: UInt32.self) }
    nonmutating set {
      unsafe control.storeBytes(of: newValue, toByteOffset: 40, as: UInt32.self)
    }
  }

  /// Whether the other side's index ever claimed more descriptors than the ring has.
  ///
  /// It stays so: close the socket and set the port up again.
  @inlinable
  public internal(set) var isCorrupt: Bool {
    get { unsafe control.load(fromByteOffset: 44, as: UInt32.self) != 0 }
    nonmutating set {
      unsafe control.storeBytes(of: newValue ? 1 : 0, toByteOffset: 44, as: UInt32.self)
    }
  }
}
