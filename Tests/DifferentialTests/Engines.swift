// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF

/// Both engines, one after the other in the same memory; one thread.
@safe
final class Engines {
  /// What a run leaves behind.
  struct Result: Equatable {
    var outcome: EBPF.Outcome
    var faultAddress: UInt64
    /// The page and the stack.
    var memory: [UInt8]
    var fuel: Int64
  }

  /// The window offset of a page that programs may use.
  var page: UInt64 { UInt64(segment.offset) }
  private let arena: Arena
  private let machine: Machine
  private let segment: Segment
  private let stack: UInt64
  private let helpers: HelperTable

  init() throws {
    arena = try Arena()
    machine = try Machine(arena: arena)
    segment = try arena.addSegment(byteCount: 4096)
    let frame = [
      RawInstruction(opcode: 0xbf, destination: 0, source: 10), RawInstruction(opcode: 0x95),
    ]
    let probe = try Executable(ProgramSpec(name: "r10", instructions: frame), engine: .interpreter)
    stack = machine.run(probe, 0).value - 4096
    var helpers = HelperTable()
    // Safe: the helper follows none of its arguments.
    unsafe helpers[5] = { a, b, c, d, e, _ in a ^ b &* 3 ^ c &* 5 ^ d &* 7 ^ e &* 11 }
    self.helpers = helpers
  }

  /// Runs a program on a page that holds `octets` and then zeroes; r1 is where the page begins.
  func run(
    _ slots: [RawInstruction], _ octets: [UInt8], _ engine: Engine, fuel: Int64 = 256
  ) throws -> Result {
    let executable = try Executable(
      ProgramSpec(name: "random", instructions: slots), helpers: helpers, engine: engine)
    let page = octets + [UInt8](repeating: 0, count: 4096 - octets.count)
    let memory = machine.context.memory
    // Safe: both are 4096 octets.
    precondition(unsafe memory.write(page, to: self.page, count: 4096), "The page is there.")
    precondition(
      unsafe memory.write([UInt8](repeating: 0xa5, count: 4096), to: stack, count: 4096),
      "The stack is there.")
    machine.fuel = fuel
    let outcome = machine.run(executable, self.page)
    return Result(
      outcome: outcome,
      faultAddress: outcome.fault == .memory ? machine.context.faultAddress : 0,
      memory: read(self.page) + read(stack), fuel: max(machine.context.fuel, -1))
  }

  private func read(_ offset: UInt64) -> [UInt8] {
    var octets = [UInt8](repeating: 0, count: 4096)
    // Safe: the array has 4096 octets.
    precondition(
      unsafe machine.context.memory.read(offset, into: &octets, count: 4096), "The page is there.")
    return octets
  }

  /// What one engine did otherwise than the other; nil if nothing.
  func difference(_ one: Result, _ two: Result) -> String? {
    if one.outcome != two.outcome { return "\(one.outcome), and generated \(two.outcome)" }
    // Where an access is half in a hole, the processor names the hole, the interpreter the access.
    if !(one.faultAddress...one.faultAddress + 7).contains(two.faultAddress) {
      return "faults at \(one.faultAddress), and generated at \(two.faultAddress)"
    }
    if one.fuel != two.fuel { return "\(one.fuel) fuel left, and generated \(two.fuel)" }
    return one.memory.indices.first { one.memory[$0] != two.memory[$0] }.map {
      "octet \($0): \(one.memory[$0]), and generated \(two.memory[$0])"
    }
  }
}
