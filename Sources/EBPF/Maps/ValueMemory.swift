// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CLinux
internal import Glibc
internal import Syscalls

/// The values of one map: octets of the arena.
@safe
final class ValueMemory: Sendable {
  private let segment: Segment

  /// Takes zeroed octets.
  init(arena: Arena, byteCount: Int, for map: String) throws(BPFMapError) {
    let rounded = (UInt(byteCount) + 4095) & ~4095
    do {
      segment = try arena.addSegment(byteCount: max(rounded, 4096))
    } catch {
      throw BPFMapError(map, .noMemory, "\(error)")
    }
  }

  var address: UnsafeMutableRawPointer { unsafe segment.address }
  var offset: UInt32 { UInt32(segment.offset) }

  /// Keeps programs from writing; the host cannot either from here on.
  func makeReadOnly() {
    // Safe: the segment's own pages, which nothing else writes.
    _ = unsafe mprotect(segment.address, Int(segment.byteCount), PROT_READ)
  }
}

/// Copies a value that may lie in the arena, where a program may have named a hole.
@inline(__always)
func copyValue(
  to target: UnsafeMutableRawPointer, from source: UnsafeRawPointer, _ byteCount: Int
) -> Bool {
  unsafe clinux_guarded_copy(target, source, UInt64(byteCount)) == 0
}
