// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Why memory for a datapath could not be had.
public enum ArenaError: Error, Equatable, CustomStringConvertible {
  /// The kernel refused a call; what was attempted and the errno.
  case refused(call: String, errno: Int32)
  /// No free range of a region is large enough.
  case exhausted(region: String, byteCount: UInt, freeByteCount: UInt)
  /// A size is not a multiple of the page, or is zero.
  case invalidByteCount(UInt)

  /// What failed and what to do.
  public var description: String {
    switch self {
    case .refused(let call, let code):
      let reason = unsafe String(cString: strerror(code))
      return "\(call): \(reason) (errno \(code)); check ulimit -v and vm.overcommit_memory"
    case .exhausted(let region, let byteCount, let freeByteCount):
      return "the \(region) has no \(byteCount) octets in one piece (\(freeByteCount) free)"
    case .invalidByteCount(let byteCount):
      return "\(byteCount) octets: a segment is a positive multiple of 4096"
    }
  }
}
