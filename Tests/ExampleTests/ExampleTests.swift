// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// Every example prints exactly what its header says.
@Suite struct ExampleTests {
  @Test(arguments: [
    "01-pass", "02-count-and-drop", "03-write-a-program", "04-fragments", "05-steer-to-cpus",
    "06-plugin-in-c", "07-huge-pages", "08-unreadable-memory", "09-router",
  ])
  func anExamplePrintsWhatItsHeaderSays(name: String) throws {
    let expected = try expectedOutput(of: name)
    try #require(!expected.isEmpty)
    try #require(ExampleTests.pluginsAreBuilt, "scripts/build-plugin failed")
    let printed = try output(of: "example-\(name)")
    #expect(printed == expected)
  }

  @Test func theCoreDocumentShowsThePagesThatExample04Draws() throws {
    let document = try contents(of: "\(ExampleTests.root)/Documentation/Core.md")
    let drawing = try output(of: "example-04-fragments").split(
      separator: "\n", omittingEmptySubsequences: false
    ).drop { !$0.hasPrefix("page 1") }.prefix { !$0.isEmpty }.joined(separator: "\n")
    #expect(drawing.contains("page 3"))
    #expect(document.contains("```\n\(drawing)\n```"))
  }

  private static let root =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  /// Whether the plugins of the examples are compiled.
  private static let pluginsAreBuilt =
    unsafe system(
      "cd '\(root)' && for source in Examples/Plugins/*; do scripts/build-plugin $source >/dev/null || exit 1; done"
    ) == 0

  /// The indented lines of the comment that an example begins with.
  private func expectedOutput(of name: String) throws -> String {
    let source = try contents(of: "\(ExampleTests.root)/Examples/\(name)/main.swift")
    let header = source.split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { $0.hasPrefix("//") }
    let lines = header.map { $0.dropFirst(2) }
    guard let first = lines.firstIndex(where: { $0.hasPrefix("     ") }) else { return "" }
    return lines[first...].map { $0.isEmpty ? "\n" : $0.dropFirst(5) + "\n" }.joined()
  }

  private func contents(of path: String) throws -> String {
    let file = unsafe try #require(unsafe fopen(path, "r"), "\(path) cannot be read")
    defer { unsafe fclose(file) }
    return unsafe read(file)
  }

  /// What an example prints; it was built beside the tests.
  private func output(of program: String) throws -> String {
    var room = [CChar](repeating: 0, count: 4_096)
    let count = unsafe readlink("/proc/self/exe", &room, room.count - 1)
    try #require(count > 0)
    let tests = String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = tests.split(separator: "/").dropLast().joined(separator: "/")
    let pipe = unsafe try #require(
      unsafe popen("cd '\(ExampleTests.root)' && '/\(folder)/\(program)' 2>&1", "r"))
    let text = unsafe read(pipe)
    #expect(unsafe pclose(pipe) == 0)
    return text
  }

  private func read(_ file: UnsafeMutablePointer<FILE>) -> String {
    var octets: [UInt8] = []
    while true {
      let octet = unsafe fgetc(file)
      if octet == EOF { return String(decoding: octets, as: UTF8.self) }
      octets.append(UInt8(octet))
    }
  }
}
