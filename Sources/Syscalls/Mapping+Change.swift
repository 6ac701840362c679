// SPDX-License-Identifier: Apache-2.0

import CLinux

// Safe, for this file: every range is checked against the mapping before the kernel sees it, so MAP_FIXED
// replaces nothing but what this value owns.
extension Mapping {
  /// Puts a file's memory in the place of a part of this mapping.
  ///
  /// The part stays owned by this mapping. Not to be called while somebody uses the part.
  ///
  /// The corresponding C function is `mmap` with `MAP_FIXED | MAP_SHARED`.
  ///
  /// - Parameters:
  ///   - range: The part, in octets from the mapping's start; multiples of the file's page.
  ///   - descriptor: The file, which may be closed afterwards.
  ///   - fileOffset: Where in the file the part begins, a multiple of its page.
  ///   - protection: What may be done with the octets.
  ///   - populate: Whether the pages are taken now rather than at first touch.
  /// - Throws: `Errno.noMemory` where the file's huge pages are missing, `.invalidArgument` for a range between pages.
  public borrowing func replace(
    _ range: Range<Int>, with descriptor: RawDescriptor, fileOffset: Int = 0,
    protection: Protection = .readWrite, populate: Bool = false
  ) throws(SystemCallError) {
    let flags = MAP_SHARED | MAP_FIXED | (populate ? Int32(MAP_POPULATE) : 0)
    try fix(range, protection, flags, descriptor, fileOffset)
  }

  /// Puts private zeroed memory in the place of a part of this mapping.
  ///
  /// The corresponding C function is `mmap` with `MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS`.
  public borrowing func replaceWithMemory(
    _ range: Range<Int>, protection: Protection = .readWrite
  ) throws(SystemCallError) {
    try fix(range, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
  }

  /// Gives a part's memory back and keeps its addresses, without access.
  public borrowing func vacate(_ range: Range<Int>) throws(SystemCallError) {
    try fix(range, .none, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | Int32(MAP_NORESERVE))
  }

  /// Changes what may be done with a part.
  ///
  /// The corresponding C function is `mprotect`.
  public borrowing func protect(
    _ range: Range<Int>, _ protection: Protection
  ) throws(SystemCallError) {
    let address = unsafe address(of: range)
    try kernel("mprotect") { unsafe mprotect(address, range.count, protection.rawValue) }
  }

  /// Tells the kernel how the memory will be used; advice that it does not take is no error.
  ///
  /// The corresponding C function is `madvise`, and the advice one of its `MADV_` numbers. Without a range it is for
  /// the whole mapping.
  public borrowing func advise(_ advice: Int32, _ range: Range<Int>? = nil) {
    let range = range ?? 0..<byteCount
    unsafe _ = madvise(address(of: range), range.count, advice)
  }

  /// Keeps the memory from being swapped out.
  ///
  /// The corresponding C function is `mlock`.
  public borrowing func lock() throws(SystemCallError) {
    let (start, count) = unsafe (baseAddress, byteCount)
    try kernel("mlock", "\(count) octets") { unsafe mlock(start, count) }
  }

  private borrowing func fix(
    _ range: Range<Int>, _ protection: Protection, _ flags: Int32,
    _ descriptor: RawDescriptor = -1, _ offset: Int = 0
  ) throws(SystemCallError) {
    let wanted = unsafe address(of: range)
    let got = unsafe mmap(wanted, range.count, protection.rawValue, flags, descriptor, offset)
    if let got = unsafe got, unsafe got.isMapFailed {
      throw SystemCallError("mmap MAP_FIXED", "\(range.count) octets", errno: .current)
    }
  }

  private borrowing func address(of range: Range<Int>) -> UnsafeMutableRawPointer {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= byteCount, "The part lies inside the mapping.")
    return unsafe baseAddress + range.lowerBound
  }
}
