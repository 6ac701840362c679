// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What the process may have of a resource.
public struct ResourceLimit: RawRepresentable, Hashable, Sendable {
  /// The number of C's `RLIMIT_` constant.
  public let rawValue: Int32
  /// Takes the number of C's `RLIMIT_` constant.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// `RLIMIT_MEMLOCK`, in octets: what a UMEM without `CAP_IPC_LOCK` counts against.
  public static let lockedMemory = ResourceLimit(rawValue: Int32(CLINUX_RLIMIT_MEMLOCK))
  /// `RLIMIT_NOFILE`: one more than the highest descriptor.
  public static let openFiles = ResourceLimit(rawValue: Int32(CLINUX_RLIMIT_NOFILE))
  /// `RLIMIT_CORE`, in octets.
  public static let coreFile = ResourceLimit(rawValue: Int32(CLINUX_RLIMIT_CORE))

  /// The limit that holds, and the most that it may be raised to; nil for none.
  public struct Value: Hashable, Sendable {
    /// The limit that holds.
    public let current: UInt64?
    /// The most that a process without `CAP_SYS_RESOURCE` may raise it to.
    public let maximum: UInt64?
  }

  /// Reads the limit.
  ///
  /// The corresponding C function is `getrlimit`.
  public func read() throws(SystemCallError) -> Value {
    var limit = rlimit()
    // Safe: the structure is local and outlives the call.
    try kernel("getrlimit") { unsafe clinux_getrlimit(rawValue, &limit) }
    return Value(current: Self.finite(limit.rlim_cur), maximum: Self.finite(limit.rlim_max))
  }

  /// Raises the limit as far as the process may.
  ///
  /// The corresponding C function is `setrlimit`.
  ///
  /// - Returns: The limit that holds now, nil for none.
  @discardableResult
  public func raise() throws(SystemCallError) -> UInt64? {
    var limit = rlimit(rlim_cur: .max, rlim_max: .max)
    // Safe: the structure is local and outlives the call.
    if unsafe clinux_setrlimit(rawValue, &limit) == 0 { return nil }
    try kernel("getrlimit") { unsafe clinux_getrlimit(rawValue, &limit) }
    limit.rlim_cur = limit.rlim_max
    try kernel("setrlimit") { unsafe clinux_setrlimit(rawValue, &limit) }
    return Self.finite(limit.rlim_cur)
  }

  /// `RLIM_INFINITY` is all ones.
  private static func finite(_ value: UInt) -> UInt64? { value == .max ? nil : UInt64(value) }
}
