// SPDX-License-Identifier: Apache-2.0

import Control
import Glibc
import Testing
import Wire

/// `cpumapd replay` as an operator runs it.
@Suite struct ReplayCommandTests {
  private static let root =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  private let capture = "\(root)/Examples/Replay/six.pcap"
  private let file = "\(root)/Examples/Replay/steer.yaml"

  @Test func theDocumentationShowsWhatIsPrinted() throws {
    let folder = try Folder()
    let document = String(
      decoding: try Folder.contents("\(ReplayCommandTests.root)/Documentation/Replay.md"),
      as: UTF8.self)
    let blocks = document.split(separator: "```", omittingEmptySubsequences: false)
    let command = try #require(blocks[1].split(separator: "\n").first?.dropFirst("$ ".count))
    let words = command.split(separator: " ").map(String.init)
    #expect(words.first == "cpumapd" && words.last == "way.pcapng")
    let result = try run(
      words.dropFirst().dropLast() + ["\(folder.path)/way.pcapng"], in: ReplayCommandTests.root)
    #expect(result.status == 0)
    // Dots stand for lines that are left out.
    for part in blocks[1].split(separator: "\n").dropFirst() where part != "..." {
      #expect(result.text.contains("\n\(part)\n"), "\(part)")
    }
    let recording = try Recording(try folder.read("way.pcapng"))
    let lines = recording.records.map { record in
      let verdicts = record.verdicts.map { "\($0)" }.joined(separator: ",")
      return "\(record.packetID ?? 0)\t\(verdicts)\t\(record.comment)"
    }
    #expect(Array(blocks[3].split(separator: "\n").dropFirst()).map(String.init) == lines)
  }

  /// As nobody, in a folder that anybody may write.
  @Test(.enabled(if: getuid() == 0, "only root can become nobody"))
  func itNeedsNoPrivileges() throws {
    let folder = try Folder()
    let copied = unsafe system(
      "chmod 777 '\(folder.path)' && cp '\(try BuiltFile.path)' '\(capture)' '\(file)' '\(folder.path)'"
    )
    try #require(copied == 0)
    let result = try run(
      [
        "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all",
        "\(folder.path)/cpumapd", "replay", "six.pcap", "-c", "steer.yaml", "--out", "out",
      ], in: folder.path, program: "setpriv")
    #expect(result.status == 0, "\(result.text)")
    #expect(try Recording(try folder.read("out")).received.count == 6)
  }

  @Test func theObjectIsAllThatIsPrinted() throws {
    let folder = try Folder()
    let result = try run(
      ["replay", capture, "-c", file, "--json", "--report", "\(folder.path)/report"],
      in: folder.path)
    #expect(result.status == 0)
    let object = try JSON(parsing: result.text)
    #expect(object["mode"] == "memory")
    #expect(object["unaccounted"] == 0)
    #expect(object["seconds"] == 0.00125)
    #expect(object["replay"]?["packets"] == 6)
    #expect(object["entries"] != nil && object["ports"] != nil && object["pools"] != nil)
    #expect(String(decoding: try folder.read("report/report.json"), as: UTF8.self) == result.text)
    let text = String(decoding: try folder.read("report/report.md"), as: UTF8.self)
    #expect(text.hasPrefix("# Replay of \(capture)\n"))
    #expect(text.contains("replayed 6 packets"))
  }

  @Test func everythingThatGoesWrongHasItsExitStatus() throws {
    let folder = try Folder()
    let octets = try Folder.contents(capture)
    try folder.write(Array(octets.dropLast(3)), to: "damaged")
    try folder.write(Array("version: 1\n".utf8), to: "wrong.yaml")
    try folder.write(Array(octets[..<20]) + [113, 0, 0, 0] + octets[24...], to: "cooked")
    let missing = "\(folder.path)/missing"
    let cases: [(arguments: [String], status: Int32, text: String)] = [
      ([capture], 64, "--config"),
      ([capture, "-c", file, "--port", "wam"], 64, "did you mean \"wan\"?"),
      (["damaged", "-c", file, "--out", "./damaged"], 64, "its own record"),
      (["damaged", "-c", file], 65, "damaged: offset 442: the file ends here"),
      (["cooked", "-c", file], 65, "link type 113"),
      ([file, "-c", file], 65, "neither pcap nor pcapng"),
      ([missing, "-c", file], 66, "\(missing): ENOENT"),
      ([folder.path, "-c", file], 66, "EISDIR"),
      ([capture, "-c", missing], 66, "missing"),
      ([capture, "-c", file, "--out", "\(missing)/out"], 2, "\(missing)/out: ENOENT"),
      ([capture, "-c", file, "--out", "/dev/full"], 74, "ENOSPC"),
      ([capture, "-c", file, "--report", "\(missing)/report"], 74, "ENOENT"),
      ([capture, "-c", "wrong.yaml"], 78, "needs \"ports\""),
    ]
    for (arguments, status, text) in cases {
      let result = try run(["replay"] + arguments, in: folder.path)
      #expect(result.status == status, "\(arguments): \(result.text)")
      #expect(result.text.contains(text), "\(arguments): \(result.text)")
    }
  }

  /// Runs a program; both of its outputs are one.
  private func run(
    _ arguments: [String], in folder: String, program: String? = nil
  ) throws -> (status: Int32, text: String) {
    let words = [try program ?? BuiltFile.path] + arguments
    let command = words.map { "'\($0)'" }.joined(separator: " ")
    let pipe = unsafe try #require(unsafe popen("cd '\(folder)' && \(command) 2>&1", "r"))
    var octets: [UInt8] = []
    while true {
      let octet = unsafe fgetc(pipe)
      if octet == EOF { break }
      octets.append(UInt8(octet))
    }
    let status = unsafe pclose(pipe)
    return (
      status & 0x7F == 0 ? status >> 8 & 0xFF : -1, String(decoding: octets, as: UTF8.self)
    )
  }
}

/// The daemon as it was built beside the tests.
private enum BuiltFile {
  static var path: String {
    get throws {
      var room = [CChar](repeating: 0, count: 4_096)
      let count = unsafe readlink("/proc/self/exe", &room, room.count - 1)
      try #require(count > 0)
      let tests = String(decoding: room[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return "/" + tests.split(separator: "/").dropLast().joined(separator: "/") + "/cpumapd"
    }
  }
}
