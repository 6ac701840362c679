// SPDX-License-Identifier: Apache-2.0

import CLinux

extension Capabilities {
  /// Gives up all but some, in every thread of the process and of those it will start, for ever.
  ///
  /// Programs that the process executes get no more than it has left (`PR_SET_NO_NEW_PRIVS`). Threads are reached one
  /// after the other by a signal, `SIGPROF`, which nobody else may be using meanwhile.
  ///
  /// - Parameter kept: What is kept, as far as a thread has it.
  /// - Throws: `Errno.timedOut` where a thread blocks the signal.
  public static func limit(to kept: Capabilities) throws(SystemCallError) {
    // A thread that had not been reached may have started others meanwhile: again, until there are none.
    var limited: Set<Int32> = []
    while true {
      let threads = threadNumbers.subtracting(limited)
      if threads.isEmpty { return }
      for thread in threads {
        let code = clinux_limit_thread(thread, kept.rawValue)
        guard code == 0 || code == ESRCH else {
          throw SystemCallError("capset", "thread \(thread)", errno: Errno(rawValue: code))
        }
        limited.insert(thread)
      }
    }
  }

  private static var threadNumbers: Set<Int32> {
    // Safe: the stream is used by this thread alone, and closed before the function ends.
    guard let folder = unsafe opendir("/proc/self/task") else { return [] }
    defer { unsafe closedir(folder) }
    var numbers: Set<Int32> = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
        unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if let number = Int32(name) { numbers.insert(number) }
    }
    return numbers
  }
}
