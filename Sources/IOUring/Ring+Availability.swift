// SPDX-License-Identifier: Apache-2.0

public import Syscalls

/// Whether the kernel lets this process use io_uring.
public enum RingAvailability: Hashable, Sendable {
  /// It does.
  case available
  /// It does not; the reason is a sentence for an operator, with what to change.
  case unavailable(Errno, reason: String)

  /// Whether it does.
  public var isAvailable: Bool { self == .available }
}

extension Ring {
  /// Finds out by creating the smallest ring.
  public static var availability: RingAvailability {
    do throws(SystemCallError) {
      _ = try Ring(entries: 1, flags: [])
      return .available
    } catch {
      let setting = TextFile.contents("/proc/sys/kernel/io_uring_disabled").flatMap { Int($0) }
      return .unavailable(error.errno, reason: reason(for: error.errno, setting: setting))
    }
  }

  /// What a failure to create a ring means.
  ///
  /// The setting is `kernel.io_uring_disabled`; nil where the kernel has none (before 6.6).
  static func reason(for errno: Errno, setting: Int?) -> String {
    switch (errno, setting) {
    case (.noFunction, _):
      "the kernel was built without io_uring, or a sandbox hides it (seccomp answers ENOSYS)"
    case (.notPermitted, 2): "io_uring is switched off: sysctl kernel.io_uring_disabled=0"
    case (.notPermitted, 1):
      "io_uring is for a group and for CAP_SYS_ADMIN alone: see sysctl kernel.io_uring_group, or"
        + " sysctl kernel.io_uring_disabled=0"
    case (.notPermitted, _):
      "a sandbox forbids io_uring (seccomp answers EPERM): run the container with a profile that allows it"
    case (.noMemory, _): "the limit on locked memory is too low: raise RLIMIT_MEMLOCK"
    default: "io_uring_setup failed: \(errno)"
    }
  }
}
