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
  /// The memory file, for a process that is to share it; -1 where the CPU may not read the memory.
  public let fileDescriptor: Int32
  /// Whether the memory lies in 2 MiB pages.
  public let hasHugePages: Bool

  /// What stands behind a segment.
  enum Source {
    /// Memory of its own.
    case memory(hugePages: Bool)
    /// Somebody else's memory; the segment's once it is made.
    case file(Int32)
    /// Nothing that the CPU could reach.
    case nothing
  }

  init(arena: Arena, offset: UInt, byteCount: UInt, source: Source) throws(ArenaError) {
    let target = unsafe arena.base + Int(AddressMap.arenaOffset + offset)
    // Assigned last: an initialiser that throws before has nothing to undo, and the deinit does not run.
    switch source {
    case .memory(let hugePages):
      let wants = hugePages && byteCount % Segment.alignment == 0
      let huge = wants ? unsafe Segment.mapHugePages(at: target, byteCount: byteCount) : nil
      fileDescriptor =
        if let huge { huge } else { try unsafe Segment.map(at: target, byteCount: byteCount) }
      hasHugePages = huge != nil
    case .file(let file):
      try unsafe Segment.map(foreign: file, at: target, byteCount: byteCount)
      fileDescriptor = file
      hasHugePages = false
    case .nothing:
      fileDescriptor = -1
      hasHugePages = false
    }
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

  /// Maps a file that somebody else made, and takes all of its memory now where the file knows of that.
  private static func map(
    foreign file: Int32, at target: UnsafeMutableRawPointer, byteCount: UInt
  ) throws(ArenaError) {
    let length = lseek(file, 0, SEEK_END)
    guard length >= 0 else { throw .refused(call: "lseek of file \(file)", errno: errno) }
    guard UInt(length) >= byteCount else {
      throw .refused(call: "file of \(length) octets mapped as \(byteCount)", errno: EFBIG)
    }
    // A file that others could shorten would turn into SIGBUS; where it cannot be sealed, its maker answers for it.
    _ = clinux_seal_against_shrinking(file)
    do throws(ArenaError) {
      try MemoryFile.commit(file, byteCount: byteCount)
    } catch .refused(let call, let code) where code != EOPNOTSUPP && code != ENODEV {
      throw .refused(call: call, errno: code)
    } catch {
      // A device's memory is there as soon as it is mapped.
    }
    do throws(ArenaError) {
      try unsafe Reservation.map(file, at: target, byteCount: byteCount, isCommitted: true)
    } catch {
      unsafe Reservation.unmap(at: target, byteCount: byteCount)
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
    if fileDescriptor >= 0 { _ = close(fileDescriptor) }
    arena.releaseWindow(offset..<(offset + byteCount))
  }
}
