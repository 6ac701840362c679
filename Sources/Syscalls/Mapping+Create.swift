// SPDX-License-Identifier: Apache-2.0

import CLinux

extension Mapping {
  /// Private memory, zeroed.
  ///
  /// The corresponding C function is `mmap` with `MAP_PRIVATE | MAP_ANONYMOUS`.
  ///
  /// - Parameters:
  ///   - byteCount: The octets wanted, 1 or more; rounded up to the pages that carry them.
  ///   - protection: What may be done with the octets.
  ///   - pages: Which pages are to carry the memory.
  ///   - populate: Whether the pages are taken now rather than at first touch.
  /// - Returns: The memory, longer than asked for where it was rounded up.
  /// - Throws: `Errno.noMemory` if there is not enough address space, or not enough huge pages.
  public static func anonymous(
    byteCount: Int, protection: Protection = .readWrite, pages: Pages = .normal,
    populate: Bool = false
  ) throws(SystemCallError) -> Mapping {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | (populate ? Int32(MAP_POPULATE) : 0)
    if pages != .normal {
      let rounded = byteCount.rounded(upTo: hugePageByteCount)
      do {
        return try map(rounded, protection, flags | Int32(MAP_HUGETLB))
      } catch {
        if pages == .huge { throw error }
      }
    }
    let mapping = try map(byteCount.rounded(upTo: pageByteCount), protection, flags)
    if pages == .hugeIfAvailable { mapping.advise(MADV_HUGEPAGE) }
    return mapping
  }

  /// A range of a file, shared with everybody else who maps it.
  ///
  /// The corresponding C function is `mmap` with `MAP_SHARED`.
  ///
  /// - Parameters:
  ///   - descriptor: The file: a memory file, a socket with rings, a device. It may be closed afterwards.
  ///   - offset: Where in the file to begin, a multiple of the page.
  ///   - byteCount: The octets wanted, 1 or more.
  ///   - protection: What may be done with the octets.
  ///   - populate: Whether the pages are taken now rather than at first touch.
  /// - Returns: The memory, at an address that the kernel chose.
  /// - Throws: `Errno.invalidArgument` for an offset between pages, or what the file's owner answers.
  public static func shared(
    _ descriptor: RawDescriptor, offset: Int = 0, byteCount: Int,
    protection: Protection = .readWrite, populate: Bool = false
  ) throws(SystemCallError) -> Mapping {
    try map(
      byteCount, protection, MAP_SHARED | (populate ? Int32(MAP_POPULATE) : 0), descriptor, offset)
  }

  /// Address space alone: no memory, and no access until a part of it is replaced.
  ///
  /// The corresponding C function is `mmap` with `PROT_NONE` and `MAP_NORESERVE`.
  ///
  /// - Parameters:
  ///   - byteCount: The octets wanted, a multiple of the page.
  ///   - alignment: What the first address is a multiple of: a power of two, a page or more.
  /// - Returns: The range, without access.
  /// - Throws: `Errno.noMemory` if there is not enough address space, as under `RLIMIT_AS`.
  public static func reservation(
    byteCount: Int, alignment: Int = pageByteCount
  ) throws(SystemCallError) -> Mapping {
    precondition(alignment.isPowerOfTwo, "An alignment is a power of two.")
    let slack = alignment - pageByteCount
    let wide = try map(
      byteCount + slack, .none, MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE))
    if slack == 0 { return wide }
    return wide.trimmed(toAlignment: alignment, byteCount: byteCount)
  }

  /// Gives back what lies before the first aligned address and behind the range wanted.
  private consuming func trimmed(toAlignment alignment: Int, byteCount: Int) -> Mapping {
    // Safe: both cuts lie inside the range that this value owned, and nothing of it has been used yet.
    let (start, whole) = unsafe (baseAddress, self.byteCount)
    discard self
    let aligned = unsafe start.alignedUp(toMultipleOf: alignment)
    let head = unsafe aligned - start
    let tail = whole - head - byteCount
    if head > 0 { unsafe _ = munmap(start, head) }
    if tail > 0 { unsafe _ = munmap(aligned + byteCount, tail) }
    return unsafe Mapping(owning: aligned, byteCount: byteCount)
  }

  private static func map(
    _ byteCount: Int, _ protection: Protection, _ flags: Int32, _ descriptor: RawDescriptor = -1,
    _ offset: Int = 0
  ) throws(SystemCallError) -> Mapping {
    // Safe: without MAP_FIXED the kernel chooses a free range, which is ours from then on.
    let address = unsafe mmap(nil, byteCount, protection.rawValue, flags, descriptor, offset)
    guard let address = unsafe address, unsafe !address.isMapFailed else {
      throw SystemCallError("mmap", "\(byteCount) octets", errno: .current)
    }
    return unsafe Mapping(owning: address, byteCount: byteCount)
  }
}

extension UnsafeMutableRawPointer {
  /// Whether this is `MAP_FAILED`, a cast that Swift does not import.
  var isMapFailed: Bool { Int(bitPattern: self) == -1 }
}

extension Int {
  /// Itself, or the next multiple of a power of two.
  func rounded(upTo multiple: Int) -> Int { (self + multiple - 1) & ~(multiple - 1) }

  /// Whether exactly one bit is set.
  var isPowerOfTwo: Bool { self > 0 && self & (self - 1) == 0 }
}
