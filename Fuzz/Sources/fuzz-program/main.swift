// SPDX-License-Identifier: Apache-2.0

import EBPF
import Fuzzer

// A program, run on a page by the interpreter and by generated code: the same end, and the same octets.
unsafe feed { octets, count in
  let code = unsafe input(octets, count & ~7)
  let slots = stride(from: 0, to: code.count, by: 8).map { place in
    RawInstruction(word: code[place..<place + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
  }
  let spec = ProgramSpec(name: "fuzz", instructions: slots)
  guard let reference = try? Executable(spec, engine: .interpreter) else { return 0 }
  guard let generated = try? Executable(spec, engine: .jit) else {
    fatalError("The decoder took a program for which no code is generated.")
  }
  let expected = Bench.only.run(reference)
  let result = Bench.only.run(generated)
  precondition(result.outcome == expected.outcome, "\(expected.outcome), but \(result.outcome)")
  precondition(result.page == expected.page, "The engines leave different octets.")
  return 0
}
