// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// A run of packet memory in the arena, backed by its own memory file.
///
/// Unmapped and given back when the last reference goes; whoever hands out buffers of it holds it.
@safe
public final class Segment: Sendable {
  /// Segments begin at multiples of a huge page.
  static let alignment: UInt = 2 << 20

  private let arena: Arena
  /// From the beginning of the arena window, in octets.
  public let offset: UInt
  /// Octets, a multiple of 4096.
  public let byteCount: UInt
  /// The memory file, for a process that is to share it.
  public let fileDescriptor: Int32
  /// Whether the memory lies in 2 MiB pages.
  public let hasHugePages: Bool

  init(arena: Arena, offset: UInt, byteCount: UInt, hugePages: Bool) throws(ArenaError) {
    let target = unsafe arena.base + Int(AddressMap.arenaOffset + offset)
    let wantsHugePages = hugePages && byteCount % Segment.alignment == 0
    let huge = wantsHugePages ? unsafe Segment.mapHugePages(at: target, byteCount: byteCount) : nil
    // Assigned last: an initialiser that throws before has nothing to undo, and the deinit does not run.
    fileDescriptor =
      if let huge { huge } else { try unsafe Segment.map(at: target, byteCount: byteCount) }
    hasHugePages = huge != nil
    self.arena = arena
    self.offset = offset
    self.byteCount = byteCount
  }

  /// Maps a file of huge pages, or answers nil where the machine has none to give.
  private static func mapHugePages(at target: UnsafeMutableRawPointer, byteCount: UInt) -> Int32? {
    try? unsafe map(at: target, byteCount: byteCount, hugePages: true)
  }

  /// Maps a file whose memory is all there: what is missing is refused here and not by SIGBUS later.
  private static func map(
    at target: UnsafeMutableRawPointer, byteCount: UInt, hugePages: Bool = false
  ) throws(ArenaError) -> Int32 {
    let file = try MemoryFile.make(
      name: "xdpframe-arena", byteCount: byteCount, hugePages: hugePages)
    do throws(ArenaError) {
      try MemoryFile.commit(file, byteCount: byteCount)
      try unsafe Reservation.map(file, at: target, byteCount: byteCount, isCommitted: true)
      return file
    } catch {
      // A mapping that failed half-way may have removed the guard.
      unsafe Reservation.unmap(at: target, byteCount: byteCount)
      _ = close(file)
      throw error
    }
  }

  /// Where the segment begins; valid while this object lives.
  public var address: UnsafeMutableRawPointer {
    // Safe: the window range belongs to this segment until deinit.
    unsafe arena.base + Int(AddressMap.arenaOffset + offset)
  }

  deinit {
    unsafe Reservation.unmap(at: address, byteCount: byteCount)
    _ = close(fileDescriptor)
    arena.releaseWindow(offset..<(offset + byteCount))
  }
}
