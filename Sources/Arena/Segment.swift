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
    self.arena = arena
    self.offset = offset
    self.byteCount = byteCount
    let target = unsafe arena.base + Int(AddressMap.arenaOffset + offset)
    if hugePages, byteCount % Segment.alignment == 0,
      let file = unsafe Segment.map(at: target, byteCount: byteCount, hugePages: true)
    {
      fileDescriptor = file
      hasHugePages = true
      return
    }
    fileDescriptor = try MemoryFile.make(
      name: "xdpframe-arena", byteCount: byteCount, hugePages: false)
    hasHugePages = false
    do throws(ArenaError) {
      try unsafe Reservation.map(fileDescriptor, at: target, byteCount: byteCount, populate: true)
    } catch {
      _ = close(fileDescriptor)
      throw error
    }
  }

  /// Maps a file of huge pages, or answers nil where the machine has none to give.
  private static func map(
    at target: UnsafeMutableRawPointer, byteCount: UInt, hugePages: Bool
  )
    -> Int32?
  {
    do throws(ArenaError) {
      let file = try MemoryFile.make(
        name: "xdpframe-arena", byteCount: byteCount, hugePages: hugePages)
      do throws(ArenaError) {
        try unsafe Reservation.map(file, at: target, byteCount: byteCount, populate: true)
        return file
      } catch {
        _ = close(file)
        return nil
      }
    } catch {
      return nil
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
