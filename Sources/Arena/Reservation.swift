// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The mappings inside one reserved address range.
///
/// Safe: every function works on addresses that ``Arena`` reserved and still owns.
enum Reservation {
  private static func isFailure(_ address: UnsafeMutableRawPointer?) -> Bool {
    Int(bitPattern: address) == -1
  }

  /// Reserves an aligned span without committing any of it.
  static func make() throws(ArenaError) -> UnsafeMutableRawPointer {
    let span = Int(AddressMap.span)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let wide = unsafe mmap(nil, 2 * span, PROT_NONE, flags, -1, 0)
    guard let wide = unsafe wide, unsafe !isFailure(wide) else {
      throw .refused(call: "mmap of \(2 * AddressMap.span) octets of address space", errno: errno)
    }
    let start = UInt(bitPattern: wide)
    let aligned = (start + AddressMap.span - 1) & ~AddressMap.offsetMask
    let head = Int(aligned - start)
    if head > 0 { unsafe munmap(wide, head) }
    if span - head > 0 { unsafe munmap(wide + head + span, span - head) }
    return unsafe wide + head
  }

  static func release(_ base: UnsafeMutableRawPointer) {
    unsafe munmap(base, Int(AddressMap.span))
  }

  /// Maps a memory file over part of the reservation.
  ///
  /// A file whose memory is committed is mapped whole at once; with any other, pages come, and are reserved, when they
  /// are first touched.
  static func map(
    _ file: Int32, at address: UnsafeMutableRawPointer, byteCount: UInt, isCommitted: Bool = false
  ) throws(ArenaError) {
    let flags = MAP_SHARED | MAP_FIXED | (isCommitted ? MAP_POPULATE : MAP_NORESERVE)
    let result = unsafe mmap(address, Int(byteCount), PROT_READ | PROT_WRITE, flags, file, 0)
    guard unsafe !isFailure(result) else {
      throw .refused(call: "mmap of \(byteCount) octets", errno: errno)
    }
  }

  /// Maps zeroed private memory over part of the reservation.
  static func mapPrivate(at address: UnsafeMutableRawPointer, byteCount: UInt) throws(ArenaError) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
    let result = unsafe mmap(address, Int(byteCount), PROT_READ | PROT_WRITE, flags, -1, 0)
    guard unsafe !isFailure(result) else {
      throw .refused(call: "mmap of \(byteCount) private octets", errno: errno)
    }
  }

  /// Turns part of the reservation into a guard again.
  static func unmap(at address: UnsafeMutableRawPointer, byteCount: UInt) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
    unsafe mmap(address, Int(byteCount), PROT_NONE, flags, -1, 0)
  }
}

/// Files that are memory.
enum MemoryFile {
  /// Makes a memory file that cannot shrink under whoever maps it.
  static func make(
    name: String, byteCount: UInt, hugePages: Bool = false
  ) throws(ArenaError) -> Int32 {
    let flags = UInt32(MFD_CLOEXEC) | UInt32(MFD_ALLOW_SEALING) | (hugePages ? MFD_HUGETLB : 0)
    let file = unsafe memfd_create(name, flags)
    guard file >= 0 else { throw .refused(call: "memfd_create(\(name))", errno: errno) }
    guard ftruncate(file, Int(byteCount)) == 0 else {
      let code = errno
      _ = close(file)
      throw .refused(call: "ftruncate(\(name), \(byteCount))", errno: code)
    }
    _ = clinux_seal_against_shrinking(file)
    return file
  }
  /// Takes all memory of a file now.
  ///
  /// Without this, `MAP_POPULATE` tries, says nothing when it fails, and the first touch of a missing huge page is
  /// a SIGBUS.
  static func commit(_ file: Int32, byteCount: UInt) throws(ArenaError) {
    while fallocate(file, 0, 0, Int(byteCount)) != 0 {
      guard errno == EINTR else {
        throw .refused(call: "fallocate of \(byteCount) octets", errno: errno)
      }
    }
  }
}
