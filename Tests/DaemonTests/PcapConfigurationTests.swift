// SPDX-License-Identifier: Apache-2.0

import Control
import Glibc
import Ports
import Testing

@testable import cpumapd

/// Ports between files, as a configuration names them.
@Suite struct PcapConfigurationTests {
  @Test func everythingThatIsSaidIsRead() throws {
    let (configuration, warnings) = try parse(
      "{name: a, kind: pcap, in: /c/in.pcap, out: /c/out.pcapng, speed: real, repeat: 3, cpu: 2,"
        + " receive: header-split}")
    #expect(warnings.text == "")
    var pcap = Configuration.Pcap()
    pcap.input = "/c/in.pcap"
    pcap.output = "/c/out.pcapng"
    pcap.speed = .real
    pcap.repetitions = 3
    pcap.cpu = 2
    #expect(configuration.ports[0].kind == .pcap(pcap))
    #expect(configuration.ports[0].receive == .headerSplit)
    #expect(configuration.ports[0].cpu == 2)
    let plan = Plan(configuration: configuration).text
    #expect(
      plan.contains("pcap  steer    plays /c/in.pcap 3 times at real speed, writes /c/out.pcapng"))
    #expect(plan.contains("capabilities: none"))
  }

  @Test(arguments: [
    (
      "{name: a, kind: pcap, speed: max}",
      """
      f.yaml:2:9: error: ports[0] of kind pcap needs "in", "out" or both
      """
    ),
    (
      "{name: a, kind: pcap, out: x, speed: slow, repeat: 0, fil: 3}",
      """
      f.yaml:2:36: error: ports[0].out must be an absolute path
      f.yaml:2:46: error: ports[0].speed is "slow"; it must be one of max, real
      f.yaml:2:46: error: ports[0].speed is about "in", which is missing
      f.yaml:2:60: error: ports[0].repeat is "0"; it must be a whole number, 1 or more
      f.yaml:2:60: error: ports[0].repeat is about "in", which is missing
      f.yaml:2:63: error: unknown key "fil" in ports[0] of kind pcap
      """
    ),
    (
      "{name: a, kind: pcap, in: /o}, {name: b, kind: pcap, out: /o}, {name: c, kind: pcap, out: /o}",
      """
      f.yaml:2:35: error: "/o" is written by ports[2]
      f.yaml:2:99: error: "/o" is written by ports[1] already
      """
    ),
  ])
  func whatIsWrongIsSaidAtOnce(ports: String, expected: String) {
    let error = #expect(throws: DiagnosticList.self) { _ = try parse(ports) }
    let said = error?.text.split(separator: "\n").filter { $0.contains(": error: ") }
    #expect(said == expected.split(separator: "\n"))
  }

  @Test func aDaemonCarriesPacketsFromFileToFile() throws {
    let folder = try Folder()
    let (configuration, _) = try parse(
      "{name: a, kind: pcap, in: \(folder.path)/in, repeat: 5}, "
        + "{name: b, kind: pcap, out: \(folder.path)/out}", pass: "b")
    try folder.write(packetFile, to: "in")
    let wiring = try Wiring(configuration) { _ in }
    try wiring.start()
    while wiring.report(seconds: 0, isQuiet: false).entries.allSatisfy({ $0.processed < 10 }) {
      _ = sched_yield()
    }
    wiring.stop()
    let report = wiring.report(seconds: 0, isQuiet: true)
    #expect(report.lawViolations() == [])
    #expect(report.ports.map(\.kind) == ["pcap", "pcap"])
    #expect(report.ports[0].rx == 10)
    #expect(report.ports[1].tx == 10)
    #expect(report.pools.map { $0[.free] } == report.pools.map(\.capacity))
    #expect(try folder.read("out").count > 10 * 92)
  }

  @Test func aMissingFileStopsTheSetUpAndIsNamed() throws {
    let (configuration, _) = try parse("{name: a, kind: pcap, in: /no/in.pcap}")
    let error = #expect(throws: SetUpError.self) { _ = try Wiring(configuration) { _ in } }
    #expect(error?.description.contains("/no/in.pcap") == true)
  }

  private func parse(
    _ ports: String, pass: String = "a"
  ) throws -> (configuration: Configuration, warnings: DiagnosticList) {
    try Configuration.parse(
      """
      version: 1
      ports: [\(ports)]
      daemon: {housekeeping_cpus: [1]}
      memory: {model: page-pool, frames: 2048}
      entries: [{name: w, cpu: 0, qsize: 1024}]
      on: {pass: \(pass)}
      """, fileName: "f.yaml", machine: nil)
  }
}

/// A classic pcap file of two packets.
let packetFile: [UInt8] = {
  var file: [UInt8] = []
  func append(_ numbers: UInt32...) {
    for number in numbers {
      for shift: UInt32 in [0, 8, 16, 24] { file.append(UInt8(number >> shift & 0xFF)) }
    }
  }
  append(0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, 1)
  for seconds: UInt32 in [1_000, 1_001] {
    append(seconds, 0, 60, 60)
    file += [UInt8](repeating: 5, count: 60)
  }
  return file
}()

/// A folder that goes when this value does.
final class Folder {
  let path: String

  init() throws {
    var template = Array("/tmp/xdpframe-daemon-XXXXXX".utf8CString)
    let made = unsafe mkdtemp(&template) != nil
    try #require(made)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { unsafe system("rm -r '\(path)'") }

  func write(_ octets: [UInt8], to name: String) throws {
    let file = unsafe try #require(unsafe fopen("\(path)/\(name)", "w"))
    unsafe fwrite(octets, 1, octets.count, file)
    unsafe fclose(file)
  }

  func read(_ name: String) throws -> [UInt8] { try Folder.contents("\(path)/\(name)") }

  static func contents(_ path: String) throws -> [UInt8] {
    let file = unsafe try #require(unsafe fopen(path, "r"), "\(path) is missing")
    defer { unsafe fclose(file) }
    var octets: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe fread(&room, 1, room.count, file)
      if count == 0 { return octets }
      octets += room[..<count]
    }
  }
}
