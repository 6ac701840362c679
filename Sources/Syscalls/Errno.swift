// SPDX-License-Identifier: Apache-2.0

import CLinux

/// The kernel's reason for saying no, as `errno` numbers it.
///
/// Full words for the C names; the C name is each constant's documentation and what `description` prints.
@frozen
public struct Errno: RawRepresentable, Error, Hashable, Sendable {
  /// The number, positive, as in `<errno.h>`.
  public let rawValue: Int32

  /// Takes a number from C: positive, or negative as the kernel's interfaces return it.
  @inlinable
  public init(rawValue: Int32) {
    self.rawValue = rawValue < 0 ? 0 &- rawValue : rawValue
  }

  /// The calling thread's errno; meaningful only directly after the call that failed.
  public static var current: Errno { Errno(rawValue: clinux_errno()) }

  /// The C name, as `EINVAL`; a number that has none prints as `errno 4711`.
  public var name: String {
    // Safe: the C library returns a constant string, or null.
    guard let name = unsafe strerrorname_np(rawValue) else { return "errno \(rawValue)" }
    return unsafe String(cString: name)
  }
}

extension Errno: CustomStringConvertible {
  /// The C name and what it means, as `EINVAL (Invalid argument)`.
  public var description: String {
    // Safe: the C library returns a constant string, or null.
    guard let text = unsafe strerrordesc_np(rawValue) else { return name }
    return unsafe "\(name) (\(String(cString: text)))"
  }
}

/// A kernel call that failed: which one, on what, and why.
public struct SystemCallError: Error, Hashable, Sendable {
  /// The call, by its C name: `mmap`, `ioctl SIOCSIFMTU`, `setsockopt XDP_UMEM_REG`.
  public let call: String
  /// What it was called on, a path or an interface name; empty if there is nothing to name.
  public let subject: String
  /// The kernel's reason.
  public let errno: Errno

  /// Names the call that failed with the reason in hand.
  public init(_ call: String, _ subject: String = "", errno: Errno) {
    self.call = call
    self.subject = subject
    self.errno = errno
  }
}

extension SystemCallError: CustomStringConvertible {
  /// One line for an operator, as `open /dev/net/tun: ENOENT (No such file or directory)`.
  public var description: String {
    subject.isEmpty ? "\(call): \(errno)" : "\(call) \(subject): \(errno)"
  }
}

/// Whether a call that a signal interrupted is simply made again.
enum Interruption { case retried, reported }

/// Makes a kernel call that returns a negative number when it fails, and names it in the error.
@discardableResult
func kernel<Result: FixedWidthInteger & SignedInteger>(
  _ call: @autoclosure () -> String,
  _ subject: @autoclosure () -> String = "",
  interruption: Interruption = .retried,
  _ body: () -> Result
) throws(SystemCallError) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let errno = Errno.current
    if errno == .interrupted, interruption == .retried { continue }
    throw SystemCallError(call(), subject(), errno: errno)
  }
}

/// Makes a kernel call for which full or empty is an ordinary answer: nil where the call would block.
func kernelUnlessBlocked<Result: FixedWidthInteger & SignedInteger>(
  _ call: @autoclosure () -> String, _ body: () -> Result
) throws(SystemCallError) -> Result? {
  while true {
    let result = body()
    if result >= 0 { return result }
    switch Errno.current {
    case .interrupted: continue
    case .wouldBlock: return nil
    case let errno: throw SystemCallError(call(), errno: errno)
    }
  }
}
