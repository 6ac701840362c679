// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// Why a map or a port refused a change; the kernel's errno.
public struct MapError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The reasons that maps and ports have.
  public enum Reason: Sendable {
    /// `E2BIG`: the key is beyond the map.
    case tooBig
    /// `EEXIST`: there already is an entry.
    case exists
    /// `EOVERFLOW`: the queue is larger than a queue may be.
    case overflow
    /// `ENODEV`: there is no such CPU or port.
    case noDevice
    /// `ENOENT`: there is no entry.
    case noEntry
    /// `EINVAL`: the value makes no sense.
    case invalid
    /// `ENOMEM`: the entry could not be made.
    case noMemory
    /// `ETIMEDOUT`: a loop did not come out of its burst.
    case timedOut
    /// `ERANGE`: packets may come in that the program does not accept.
    case range
  }

  /// The reason.
  public let reason: Reason
  /// What was asked for.
  public let subject: String

  init(_ reason: Reason, _ subject: String) {
    self.reason = reason
    self.subject = subject
  }

  /// The number that the kernel would answer, positive.
  public var errno: Int32 {
    switch reason {
    case .tooBig: E2BIG
    case .exists: EEXIST
    case .overflow: EOVERFLOW
    case .noDevice: ENODEV
    case .noEntry: ENOENT
    case .invalid: EINVAL
    case .noMemory: ENOMEM
    case .timedOut: ETIMEDOUT
    case .range: ERANGE
    }
  }

  /// The reason and the subject.
  public var description: String {
    let text = unsafe String(cString: strerror(errno))
    return "\(subject): \(text)"
  }
}
