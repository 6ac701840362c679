// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import Glibc
import MemModels
import Plugins
import Ports
import Testing
import XDPFrame

// README begins
final class NoEcho: PacketProgram, Sendable {
  func run(_ packet: inout Buff) -> Verdict {
    packet.withBytes { octets in
      guard octets.byteCount >= 42 else { return .aborted }
      let port = unsafe octets.unsafeLoadUnaligned(fromByteOffset: 36, as: UInt16.self)
      return UInt16(bigEndian: port) == 7 ? .drop : .pass
    }
  }
}
// README pauses

/// The README's lines compile, run, and are the README's.
@Suite struct ReadmeTests {
  @Test func theLinesOfTheReadmeWork() throws {
    // README goes on
    let registry = MemoryRegistry(arena: try Arena())
    let pool = try PagePool(registry: registry, pageCount: 1_024)
    let wire = try MemoryPort(name: "wire", registry: registry)
    let stack = try MemoryPort(name: "stack", registry: registry)

    let datapath = Datapath(registry: registry)
    datapath.add(wire)
    datapath.setPassPort(stack)
    try datapath.cpuMap.update(0, CPUMap.Value(name: "w1", cpu: 0, program: NoEcho()))
    try datapath.addLoop(
      port: wire, queue: 0, program: Steer(keys: [0], map: Datapath.cpuMapNumber), named: "steer")
    try datapath.start()
    // README ends
    for number in 0..<100 {
      var packet = [UInt8](repeating: 0, count: 60)
      packet[37] = number % 4 == 0 ? 7 : 9
      guard let frame = Frame(octets: packet, from: pool) else { continue }
      if let full = wire.put(frame) { full.recycle(.ringFull) }
    }
    while stack.sentCount < 75 {}
    datapath.stop()
    #expect(datapath.entryReports.map(\.pass) == [75])
    #expect(datapath.entryReports.map { $0.drops[.programDrop] } == [25])
    stack.close()
    #expect(pool.outstanding == 0)
  }

  @Test func theReadmeShowsTheseLines() throws {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let readme = try contents(of: "/\(folder)/README.md")
    let block = try #require(readme.components(between: "```swift\n", and: "```").first)
    let source = try contents(of: #filePath)
    let first = try #require(
      source.components(between: "// README begins\n", and: "// README pauses").first)
    let second = try #require(
      source.components(between: "// README goes on\n", and: "    // README ends").first)
    let unindented = second.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.hasPrefix("    ") ? $0.dropFirst(4) : $0 }.joined(separator: "\n")
    #expect(block == first + "\n" + unindented)
  }

  private func contents(of path: String) throws -> String {
    let file = unsafe try #require(unsafe fopen(path, "r"), "\(path) cannot be read")
    defer { unsafe fclose(file) }
    var octets: [UInt8] = []
    while true {
      let octet = unsafe fgetc(file)
      if octet == EOF { return String(decoding: octets, as: UTF8.self) }
      octets.append(UInt8(octet))
    }
  }
}

extension String {
  /// The parts of the text between an opening and the next closing mark.
  fileprivate func components(between opening: String, and closing: String) -> [String] {
    var parts: [String] = []
    var rest = Substring(self)
    while let start = rest.firstRange(of: opening) {
      rest = rest[start.upperBound...]
      guard let end = rest.firstRange(of: closing) else { break }
      parts.append(String(rest[..<end.lowerBound]))
      rest = rest[end.upperBound...]
    }
    return parts
  }
}
