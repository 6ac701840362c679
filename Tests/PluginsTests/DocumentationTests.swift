// SPDX-License-Identifier: Apache-2.0

import Syscalls
import Testing

/// The page about plugins shows the files that the tests compile.
@Suite struct DocumentationTests {
  @Test(arguments: ["no_echo.c", "no_echo_swift.swift"])
  func thePageShowsTheExample(source: String) throws {
    let page = try contents(of: "Documentation/Plugins.md")
    let file = try contents(of: "Examples/Plugins/\(source)")
    // All but the line that names the licence.
    let code = file.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(2)
    #expect(
      page.contains("```\(source.hasSuffix(".c") ? "c" : "swift")\n" + code.joined(separator: "\n"))
    )
  }

  private func contents(of path: String) throws -> String {
    let file = try FileDescriptor(opening: "\(BuiltPlugin.root)/\(path)")
    var octets = [UInt8](repeating: 0, count: 1 << 16)
    // Safe: the buffer lives for the duration of the call.
    let count = try unsafe octets.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
    return String(decoding: octets[..<(count ?? 0)], as: UTF8.self)
  }
}
