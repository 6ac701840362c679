// SPDX-License-Identifier: Apache-2.0

import Control
import TestSupport
import Testing

/// `xdpframe-bpf run` and `list`, as scripts call them.
@Suite struct ObjectCommandTests {
  private static let packet = "020000000001 020000000002 0800" + String(repeating: "0", count: 92)

  @Test func aPacketGetsItsVerdictAndItsOctets() throws {
    let object = try TestObject("count").path
    let output = try run(
      "xdpframe-bpf", "run", object, "--program", "count", "--packet", Self.packet)
    #expect(output.status == 0 && output.error.isEmpty)
    let digits = Self.packet.filter { $0 != " " }
    #expect(output.out == "XDP_PASS \(digits)\n")
  }

  @Test(arguments: ["interpreter", "jit"])
  func settingsDecideAndTheAnswerIsOneObject(_ engine: String) throws {
    let object = try TestObject("count").path
    let output = try run(
      "xdpframe-bpf", "run", object, "--program", "steer", "--engine", engine, "--json",
      "--packet", Self.packet, "--set", "rodata.cpu_count=4", "--set", "map.cpus.3=2048")
    #expect(output.status == 0, "\(output.error)")
    let answer = try JSON(parsing: Array(output.out.utf8))
    #expect(answer["program"] == "steer")
    guard case .array(let packets) = answer["packets"] else {
      Issue.record("There is no list of packets in \(output.out)")
      return
    }
    // Octets 5 and 11 of the packet are 1 and 2, and it has 60: 63 is 3 modulo 4.
    #expect(packets.map { $0["verdict"] } == ["XDP_REDIRECT"])
    #expect(packets.map { $0["target"] } == ["CPU 3"])
  }

  @Test func aProgramThatIsStoppedSaysWhy() throws {
    let object = try TestObject("count").path
    for (program, part) in [("wild", "memory"), ("endless", "end")] {
      let output = try run("xdpframe-bpf", "run", object, "--program", program)
      #expect(output.status == 0)
      #expect(output.out.hasPrefix("XDP_ABORTED (") && output.out.contains(part))
    }
  }

  @Test func theListSaysWhatRunsAndWhyTheRestDoesNot() throws {
    let object = try TestObject("adjustments").path
    let output = try run("xdpframe-bpf", "list", object, "--json")
    #expect(output.status == 0)
    let answer = try JSON(parsing: Array(output.out.utf8))
    guard case .array(let programs) = answer["programs"] else {
      Issue.record("There is no list of programs in \(output.out)")
      return
    }
    #expect(programs.map { $0["runs"] } == [false])
    #expect(programs.map { $0["section"] } == ["xdp.frags"])
    let text = try run("xdpframe-bpf", "list", object).out
    #expect(text.contains("program adjustments (xdp.frags) cannot run here: bpf_xdp_pull_data"))
  }

  @Test func whatIsWrongIsSaidWithWhatToDo() throws {
    let object = try TestObject("count").path
    for (arguments, part) in [
      (["run", object], "there are: count, steer, endless, wild"),
      (["run", object, "--program", "count", "--set", "x=1"], "map.NAME.KEY"),
      (["run", object, "--program", "count", "--packet", "00"], "14 to"),
      (["run", "/no/such.o"], "/no/such.o"), (["list", "/proc/self/cmdline"], "not an ELF file"),
    ] {
      let output = try run("xdpframe-bpf", arguments)
      #expect(output.status != 0 && output.out.isEmpty)
      #expect(output.error.contains(part), "\(output.error)")
    }
  }
}
