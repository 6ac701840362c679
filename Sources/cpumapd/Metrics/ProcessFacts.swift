// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Glibc
import Syscalls

extension Report.Process {
  /// This process, as the kernel sees it.
  static var current: Report.Process {
    let pages = TextFile.contents("/proc/self/statm")?.split(separator: " ").dropFirst().first
    return Report.Process(
      role: "daemon", id: Int(getpid()),
      residentByteCount: (pages.flatMap { UInt64($0) } ?? 0) * UInt64(sysconf(Int32(_SC_PAGESIZE))),
      descriptors: descriptorCount)
  }

  private static var descriptorCount: UInt64 {
    // Safe: the stream is used by this thread alone, and closed before the function ends.
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(folder) }
    var count: UInt64 = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // Two entries are the folders themselves, one is what it is read through.
    return count - min(count, 3)
  }
}
