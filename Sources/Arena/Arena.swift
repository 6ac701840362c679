// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
internal import Synchronization

/// One datapath's memory: a 16 GiB reservation that holds its packet buffers and its trusted state.
///
/// Only what is used is committed. ``AddressMap`` says what lies where. Set-up and tear-down are serialised by a
/// lock; nothing on the path of a packet comes here. The reservation goes when the last reference does, so
/// whatever points into it keeps the arena alive.
@safe
public final class Arena: Sendable {
  /// Where the reservation begins: a multiple of ``AddressMap/span``.
  ///
  /// Safe: set once; the mapping lives as long as this object.
  public nonisolated(unsafe) let base: UnsafeMutableRawPointer
  /// The memory file behind the trusted region, for a process that is to share it.
  public let trustedDescriptor: Int32
  private let regions: Mutex<Regions>

  struct Regions {
    var trusted = RangeAllocator(AddressMap.tablesByteCount..<AddressMap.trustedByteCount)
    // The first granule stays unused, so that descriptor 0 and ring slot 0 mean "nothing".
    var window = RangeAllocator(Segment.alignment..<AddressMap.arenaByteCount)
  }

  /// Reserves the address space and maps the trusted region.
  ///
  /// - Throws: ``ArenaError/refused(call:errno:)`` when the kernel does not grant it.
  public init() throws(ArenaError) {
    // Nothing is assigned before everything has been granted: an object that is whole runs its deinit even when its
    // initialiser throws, and would give back a second time what is given back here.
    let base = unsafe try Reservation.make()
    do throws(ArenaError) {
      trustedDescriptor = try unsafe Arena.mapFixedRegions(at: base)
    } catch {
      unsafe Reservation.release(base)
      throw error
    }
    unsafe self.base = unsafe base
    regions = Mutex(Regions())
  }

  /// Maps the trusted and the process-local region; answers the memory file of the trusted one.
  private static func mapFixedRegions(
    at base: UnsafeMutableRawPointer
  ) throws(ArenaError) -> Int32 {
    try unsafe Reservation.mapPrivate(
      at: base + Int(AddressMap.localOffset), byteCount: AddressMap.localByteCount)
    let file = try MemoryFile.make(
      name: "xdpframe-trusted", byteCount: AddressMap.trustedByteCount)
    do throws(ArenaError) {
      try unsafe Reservation.map(file, at: base, byteCount: AddressMap.trustedByteCount)
      return file
    } catch {
      _ = close(file)
      throw error
    }
  }

  deinit {
    unsafe Reservation.release(base)
    _ = close(trustedDescriptor)
  }

  /// Takes zeroed octets of the trusted region.
  ///
  /// - Parameters:
  ///   - byteCount: Octets, 1 or more.
  ///   - alignment: A power of two; a cache line unless said otherwise.
  /// - Returns: The octets, which go back when the last reference does.
  /// - Throws: ``ArenaError/exhausted(region:byteCount:freeByteCount:)``.
  /// - Precondition: There is at least one octet, and the alignment is a power of two.
  public func allocateTrusted(
    byteCount: UInt, alignment: UInt = 64
  ) throws(ArenaError)
    -> TrustedBlock
  {
    precondition(byteCount > 0, "A block has at least one octet.")
    precondition(alignment.nonzeroBitCount == 1, "An alignment is a power of two.")
    let (padded, overflows) = byteCount.addingReportingOverflow(63)
    let rounded = overflows ? byteCount : padded & ~63
    let offset = regions.withLock {
      $0.trusted.allocate(byteCount: rounded, alignment: alignment)
    }
    guard let offset else {
      let left = regions.withLock { $0.trusted.freeByteCount }
      throw .exhausted(region: "trusted region", byteCount: byteCount, freeByteCount: left)
    }
    return TrustedBlock(arena: self, offset: offset, byteCount: rounded)
  }

  /// Adds a segment of packet memory.
  ///
  /// - Parameters:
  ///   - byteCount: Octets, a positive multiple of 4096.
  ///   - hugePages: Ask for 2 MiB pages first; ordinary pages are used where none are to be had.
  /// - Returns: The segment, which goes back when the last reference does.
  /// - Throws: ``ArenaError`` when the window is full or the kernel refuses the memory.
  public func addSegment(byteCount: UInt, hugePages: Bool = false) throws(ArenaError) -> Segment {
    try addSegment(byteCount: byteCount, source: .memory(hugePages: hugePages))
  }

  /// Adds a segment of memory that somebody else made: a memory file, a file of hugetlbfs, a dma-buf.
  ///
  /// - Parameters:
  ///   - file: What is mapped, from its beginning; the arena's from here on, also when this throws.
  ///   - byteCount: Octets, a positive multiple of 4096, and of the pages that the file is made of.
  /// - Returns: The segment, which goes back when the last reference does.
  /// - Throws: ``ArenaError`` when the window is full, the file is shorter or the kernel refuses to map it.
  public func addSegment(mapping file: Int32, byteCount: UInt) throws(ArenaError) -> Segment {
    do throws(ArenaError) {
      return try addSegment(byteCount: byteCount, source: .file(file))
    } catch {
      _ = close(file)
      throw error
    }
  }

  /// Adds a segment of memory that the CPU may not read: buffers in it have descriptors, and touching them faults.
  ///
  /// - Parameter byteCount: Octets, a positive multiple of 4096.
  /// - Returns: The segment, which goes back when the last reference does.
  /// - Throws: ``ArenaError`` when the window is full.
  public func addUnreadableSegment(byteCount: UInt) throws(ArenaError) -> Segment {
    try addSegment(byteCount: byteCount, source: .nothing)
  }

  private func addSegment(byteCount: UInt, source: Segment.Source) throws(ArenaError) -> Segment {
    guard byteCount > 0, byteCount % 4096 == 0 else { throw .invalidByteCount(byteCount) }
    let offset = regions.withLock {
      $0.window.allocate(byteCount: byteCount, alignment: Segment.alignment)
    }
    guard let offset else {
      let left = regions.withLock { $0.window.freeByteCount }
      throw .exhausted(region: "arena", byteCount: byteCount, freeByteCount: left)
    }
    do throws(ArenaError) {
      return try Segment(arena: self, offset: offset, byteCount: byteCount, source: source)
    } catch {
      releaseWindow(offset..<(offset + byteCount))
      throw error
    }
  }

  func releaseTrusted(_ range: Range<UInt>) {
    regions.withLock { $0.trusted.release(range) }
  }

  func releaseWindow(_ range: Range<UInt>) {
    regions.withLock { $0.window.release(range) }
  }

  /// The octets not handed out, of the trusted region and of the arena; for tests of tear-down.
  public var freeByteCounts: (trusted: UInt, arena: UInt) {
    regions.withLock { ($0.trusted.freeByteCount, $0.window.freeByteCount) }
  }
}
