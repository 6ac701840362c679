// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import EBPF
import Plugins
import Wire
import XDPFrame

/// `xdpframe-bpf run`: one program of an object over packets, and what it makes of each.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract:
      "Run a program of an object on packets; print each verdict and the octets afterwards.",
    discussion: """
      Settings are made before the program runs: map.NAME.max_entries=N, map.NAME.KEY=VALUE, rodata.NAME=VALUE. Keys \
      and values are numbers, or octets in hex behind "hex:". Without --packet and --pcap the packet is 60 zeros.
      """)

  @Argument(help: "The object, as clang -target bpf writes it.")
  var object: String

  @Option(help: "The program's function or section; needed where there are several.")
  var program: String?

  @Option(help: "The packet, in hex; spaces are ignored.")
  var packet: String?

  @Option(help: "A capture file with packets, pcap or pcapng.")
  var pcap: String?

  @Option(help: "What runs the instructions: interpreter or jit.")
  var engine = Engine.jit

  @Option(name: .customLong("set"), help: "Something to be set first; may be given more than once.")
  var settings: [String] = []

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if packet != nil, pcap != nil {
      throw ValidationError("--packet and --pcap exclude each other.")
    }
  }

  func run() throws {
    let settings = try settings.map { text throws(ObjectError) in try ObjectSetting(text) }
    let packets = try packets()
    let bench = try PacketBench()
    let program = try bench.program(
      try ObjectFile.read(object), named: program, settings: settings, engine: engine)
    var results: [JSON] = []
    for packet in packets {
      let result = try bench.run(program, on: packet)
      if json {
        results.append(result.json)
      } else {
        print(result.text)
      }
    }
    if json {
      print(JSON.object(["program": .string(program.name), "packets": .array(results)]))
    }
  }

  private func packets() throws -> [[UInt8]] {
    if let pcap { return try ObjectFile.packets(of: pcap) }
    guard let packet else { return [[UInt8](repeating: 0, count: 60)] }
    return [try Complaint.octets(ofHex: packet)]
  }
}

extension PacketBench.Result {
  /// The octets as hex digits, metadata first.
  private var hex: String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// What is printed for people.
  var text: String {
    let target = target.map { " to \($0)" } ?? ""
    return "\(verdict)\(target)\(fault.map { " (\($0))" } ?? "") \(hex)"
  }

  /// What is printed for programs.
  var json: JSON {
    var object = JSON.Object()
    object["verdict"] = .string("\(verdict)")
    object["code"] = .integer(Int(verdict.rawValue))
    if let target { object["target"] = .string(target) }
    if let fault { object["fault"] = .string(fault) }
    object["metadata_octets"] = .integer(metadataByteCount)
    object["octets"] = .string(hex)
    return .object(object)
  }
}
