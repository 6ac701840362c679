// SPDX-License-Identifier: Apache-2.0

import Testing

/// `xdpframe-bpf conformance`, as the runner of bpf_conformance calls it.
@Suite struct ConformanceCommandTests {
  private func conformance(_ program: String, _ arguments: [String]) throws -> Output {
    let file = try TemporaryFile(program)
    return try run("xdpframe-bpf", ["conformance"] + arguments, input: file.path)
  }

  private static let exit = "95  00 00 00 00 00 00 00 "

  @Test(arguments: ["interpreter", "jit"])
  func theProgramFindsItsMemoryAndItsLength(_ engine: String) throws {
    let engine = ["--engine", engine]
    // r0 = *(u64 *)r1 behind the first octet; then r0 = r2.
    let load = "79 10 01 00 00 00 00 00 " + Self.exit
    let memory = "ff  88 77 66 55 44 33 22 11  "
    #expect(
      try conformance(load + "\n", [memory] + engine)
        == Output(status: 0, out: "0x1122334455667788\n", error: ""))
    let length = "bf 20 00 00 00 00 00 00" + Self.exit
    #expect(try conformance(length, [memory] + engine).out == "0x9\n")
    #expect(try conformance(length, engine).out == "0x0\n")
    // Helper 5 by its number in a register.
    let call = "b7 02 00 00 05 00 00 00 8d 02 00 00 00 00 00 00 b7 00 00 00 02 00 00 00 "
    #expect(try conformance(call + Self.exit, engine).out == "0x2\n")
  }

  @Test(arguments: ["interpreter", "jit"])
  func whatCannotRunIsToldOnStandardError(_ engine: String) throws {
    let rows: [(program: String, reason: String)] = [
      ("61 10 00 00 00 00 00 00 " + Self.exit, "the program was stopped: memory"),
      ("bf 1a 00 00 00 00 00 00 " + Self.exit, "program, instruction 0: writes r10"),
      ("95 00 00", "not a whole number of slots"), ("9g", "not whole octets in hex"),
      ("", "0 slots"),
    ]
    for (program, reason) in rows {
      let output = try conformance(program, ["--engine", engine])
      #expect(output.status == 1 && output.out.isEmpty, "\(program)")
      #expect(output.error.contains(reason), "\(output.error)")
    }
  }
}
