// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A file that is nothing but memory, to be mapped by several, in this process or in others.
///
/// Its memory lives until the last mapping and the last descriptor of it are gone.
public struct MemoryFile: ~Copyable, Sendable {
  /// The open file; hand a duplicate to whoever else is to map it.
  public let descriptor: FileDescriptor
  /// The octets of the file, a multiple of its page.
  public let byteCount: Int
  /// Whether huge pages carry it.
  public let usesHugePages: Bool

  /// Creates a file that can neither shrink nor grow, so that no mapping of it can fault.
  ///
  /// The corresponding C functions are `memfd_create`, `ftruncate` and `fcntl` with `F_ADD_SEALS`.
  ///
  /// - Parameters:
  ///   - name: What `/proc/PID/maps` shows; need not be unique.
  ///   - byteCount: The octets wanted, rounded up to the pages that carry them.
  ///   - pages: Which pages are to carry the memory.
  /// - Throws: `Errno.noMemory` if huge pages are demanded and there are not enough.
  public init(
    name: String, byteCount: Int, pages: Mapping.Pages = .normal
  ) throws(SystemCallError) {
    if pages != .normal {
      do {
        self = try MemoryFile(
          name, byteCount.rounded(upTo: Mapping.hugePageByteCount), UInt32(MFD_HUGETLB))
        return
      } catch {
        if pages == .huge { throw error }
      }
    }
    self = try MemoryFile(name, byteCount.rounded(upTo: Mapping.pageByteCount), 0)
  }

  private init(_ name: String, _ byteCount: Int, _ kind: UInt32) throws(SystemCallError) {
    let flags = UInt32(MFD_CLOEXEC) | UInt32(MFD_ALLOW_SEALING) | kind
    let raw = try kernel("memfd_create", name) { unsafe memfd_create(name, flags) }
    let file = FileDescriptor(owning: raw)
    try kernel("ftruncate", name) { ftruncate(raw, byteCount) }
    // A huge page that is missing would be a SIGBUS at first touch; mapping all of it now reserves them.
    if kind != 0 { _ = try Mapping.shared(raw, byteCount: byteCount) }
    try kernel("fcntl F_ADD_SEALS", name) {
      clinux_fcntl(raw, F_ADD_SEALS, Int(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
    }
    descriptor = file
    self.byteCount = byteCount
    usesHugePages = kind != 0
  }

  /// Maps a range of the file, shared; without a range the whole file.
  ///
  /// The range is in octets, its bounds multiples of the file's page.
  public borrowing func map(
    _ range: Range<Int>? = nil, protection: Mapping.Protection = .readWrite, populate: Bool = false
  ) throws(SystemCallError) -> Mapping {
    let range = range ?? 0..<byteCount
    return try Mapping.shared(
      descriptor.raw, offset: range.lowerBound, byteCount: range.count, protection: protection,
      populate: populate)
  }
}
