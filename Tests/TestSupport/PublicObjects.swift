// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The eBPF objects of Debian's xdp-tools, fetched when they are first asked for.
public enum PublicObjects {
  /// Why there are none.
  public struct Missing: Error, CustomStringConvertible {
    /// What to do.
    public let description: String
  }

  /// The paths of the objects, in order of their names.
  ///
  /// - Throws: ``Missing`` where the package is not installed and cannot be fetched.
  public static func paths() throws(Missing) -> [String] {
    let lines = output(
      of: "'\(root)/scripts/public-objects' && ls \"$('\(root)/scripts/public-objects')\"")
    guard let folder = lines.first, lines.count > 1 else {
      throw Missing(description: "scripts/public-objects found no objects; it says why")
    }
    return lines.dropFirst().filter { $0.hasSuffix(".o") }.map { "\(folder)/\($0)" }
  }

  private static let root =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    .joined(separator: "/")

  private static func output(of command: String) -> [String] {
    // Safe: the stream is open until it is closed here.
    guard let stream = unsafe popen(command, "r") else { return [] }
    var octets: [UInt8] = []
    while case let octet = unsafe fgetc(stream), octet != EOF {
      octets.append(UInt8(truncatingIfNeeded: octet))
    }
    guard unsafe pclose(stream) == 0 else { return [] }
    return String(decoding: octets, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
