// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Syscalls

/// The books as files: `report.json` for scripts, `report.md` for people.
struct ReplayReport {
  private let books: ReplayBooks

  init(_ books: ReplayBooks) { self.books = books }

  /// Writes both into a folder, which is made if it is missing.
  func write(to folder: String) throws(ReplayError) {
    do throws(SystemCallError) {
      if unsafe mkdir(folder, 0o755) != 0, Errno.current != .fileExists {
        throw SystemCallError("mkdir", folder, errno: .current)
      }
      try ReplayReport.write("\(books.json)\n", to: "\(folder)/report.json")
      try ReplayReport.write(markdown, to: "\(folder)/report.md")
    } catch {
      throw ReplayError(error.description, status: .cannotWrite)
    }
  }

  private var markdown: String { "# Replay of \(books.input.printable)\n\n```\n\(books.text)```\n" }

  private static func write(_ text: String, to path: String) throws(SystemCallError) {
    let file = try FileDescriptor(
      opening: path, O_WRONLY | O_CREAT | O_TRUNC, permissions: 0o644)
    var octets = Array(text.utf8)[...]
    while !octets.isEmpty {
      // Safe: the array lives until the call returns.
      let result = unsafe octets.withUnsafeBytes { rest in
        Result { () throws(SystemCallError) in try unsafe file.write(rest) }
      }
      octets = octets.dropFirst(try result.get() ?? 0)
    }
  }
}
