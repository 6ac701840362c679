// SPDX-License-Identifier: Apache-2.0

import CLinux

/// The version of a kernel, for telling an operator what it lacks; programs ask the kernel itself what it can.
public struct KernelVersion: Comparable, Hashable, Sendable {
  /// The first number.
  public let major: Int
  /// The second number.
  public let minor: Int

  /// Names a version.
  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Reads the beginning of a release, as `6.18.44-arch1`; nil if it does not begin with two numbers.
  public init?(release: String) {
    let parts = release.split(separator: ".")
    guard parts.count >= 2, let major = Int(parts[0]),
      let minor = Int(parts[1].prefix { ("0"..."9").contains($0) })
    else { return nil }
    self.init(major, minor)
  }

  /// The release of the running kernel, as `uname -r` prints it.
  ///
  /// The corresponding C function is `uname`.
  public static var runningRelease: String {
    var name = utsname()
    // Safe: the structure is local, and the kernel ends each of its strings with a zero.
    unsafe _ = uname(&name)
    return unsafe withUnsafeBytes(of: name.release) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// The version of the running kernel.
  public static var running: KernelVersion {
    KernelVersion(release: runningRelease) ?? KernelVersion(0, 0)
  }

  /// Older before newer.
  public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}
