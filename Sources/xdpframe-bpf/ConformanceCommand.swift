// SPDX-License-Identifier: Apache-2.0

import Arena
import ArgumentParser
import CLinux
import EBPF

/// `xdpframe-bpf conformance`: one program in hex, as the plug-ins of the bpf_conformance suite take it.
struct ConformanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: "Run the instructions on standard input, in hex, and print r0.",
    discussion: """
      r1 points to a writable copy of the memory, or is 0; r2 is its length. Helper 5 returns the time. Exits with 1 \
      and a reason on standard error if the program cannot run or was stopped.
      """)

  @Argument(help: "The memory, in hex; spaces are ignored.")
  var memory: String?

  @Option(help: "What runs the instructions: interpreter or jit.")
  var engine = Engine.jit

  @Flag(help: "Standard input is an object file, in hex, whose function main is run.")
  var elf = false

  func run() throws {
    let lines = sequence(state: ()) { _ in readLine() }
    let program = try Complaint.octets(ofHex: lines.joined(separator: " "))
    let input = try Complaint.octets(ofHex: memory ?? "")
    print("0x" + String(try result(specification(of: program), input), radix: 16))
  }

  private func specification(of program: [UInt8]) throws -> ProgramSpec {
    if elf { return try Object(program).link("main") }
    guard program.count % 8 == 0 else {
      throw Complaint("the program is not a whole number of slots")
    }
    let slots = stride(from: 0, to: program.count, by: 8).map { place in
      RawInstruction(
        word: program[place..<place + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
    }
    return ProgramSpec(name: "program", instructions: slots)
  }

  private func result(_ program: ProgramSpec, _ input: [UInt8]) throws -> UInt64 {
    var helpers = HelperTable()
    // Safe: the helper follows none of its arguments.
    unsafe helpers[5] = { _, _, _, _, _, _ in clinux_now() }
    let executable = try Executable(program, helpers: helpers, engine: engine)
    let arena = try Arena()
    let machine = try Machine(arena: arena, fuel: 1 << 32)
    let page = try arena.addSegment(byteCount: UInt((input.count + 4096) & ~4095))
    // Safe: the segment has room for the input.
    unsafe page.address.copyMemory(from: input, byteCount: input.count)
    let outcome = machine.run(
      executable, input.isEmpty ? 0 : UInt64(page.offset), UInt64(input.count))
    guard outcome.fault == .none else {
      throw Complaint("the program was stopped: \(outcome.fault)")
    }
    return outcome.value
  }
}
