// SPDX-License-Identifier: Apache-2.0

import Glibc
import Plugins
import Testing

/// Plugins that the tests compile as an author would.
enum BuiltPlugin {
  struct NotCompiled: Error { let source: String }

  static let root =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    .joined(separator: "/")

  /// Compiles `source`, a path from the root of the repository, with `flags`; answers the object's path.
  static func path(
    _ source: String, as name: String, flags: [String] = []
  ) throws(NotCompiled) -> String {
    let words = ["\(root)/scripts/build-plugin", "\(root)/\(source)", name] + flags
    let command = words.map { "'\($0)'" }.joined(separator: " ")
    guard unsafe system("\(command) >/dev/null") == 0 else { throw NotCompiled(source: source) }
    return "\(root)/.build/plugins/\(name).so"
  }

  static let worker = Result { () throws(NotCompiled) in
    try path("Tests/Plugins/worker.c", as: "worker")
  }

  static let hostile = Result { () throws(NotCompiled) in
    try path("Tests/Plugins/hostile.c", as: "hostile")
  }
}
