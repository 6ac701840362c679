// SPDX-License-Identifier: Apache-2.0

import EBPF
import Synchronization
import TestSupport
import Testing

/// The interpreter, generated code and the kernel, given the same programs.
@Suite struct ProgramTests {
  /// PROGRAMS of the environment: how many; SEED is the first one's seed.
  static let count = RandomCases.environment("PROGRAMS") ?? 100_000

  @Test(.requiresKernelPrograms) func randomProgramsEndAsInTheKernel() throws {
    let cases = RandomCases(count: Self.count, what: "PROGRAMS")
    let accepted = Atomic(0)
    try cases.run {
      let engines = try Engines()
      return { try Self.difference(seed: $0, engines) { accepted.add(1, ordering: .relaxed) } }
    }
    print(
      """
      \(cases.agreed) of \(cases.count) programs agreed in the interpreter, as machine code, and in the kernel, \
      which accepted \(accepted.load(ordering: .relaxed)) (SEED=\(cases.seed))
      """)
    #expect(cases.agreed == cases.count)
    #expect(accepted.load(ordering: .relaxed) * 10 >= cases.agreed * 9)
  }

  /// The packet's place in the page: behind the context.
  private static let packetOffset = 256

  private static func difference(
    seed: UInt64, _ engines: Engines, accepted: () -> Void
  ) throws -> String? {
    let program = RandomProgram(seed: seed)
    var generator = SeededGenerator(seed: ~seed)
    let packet = (0..<RandomProgram.packetByteCount).map { _ in
      UInt8.random(in: 0...255, using: &generator)
    }
    let start = UInt32(engines.page) + UInt32(packetOffset)
    let context = [start, start + UInt32(packet.count)].flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    let page = context + [UInt8](repeating: 0, count: packetOffset - 8) + packet
    let one = try engines.run(program.slots, page, .interpreter, fuel: Machine.defaultFuel)
    let two = try engines.run(program.slots, page, .jit, fuel: Machine.defaultFuel)
    if let difference = engines.difference(one, two) { return difference }
    guard let kernel = KernelProgram(program.slots) else { return nil }
    accepted()
    let theirs = try kernel.run(packet)
    let end = packetOffset + packet.count
    guard one.outcome == EBPF.Outcome(value: UInt64(theirs.verdict)) else {
      return "\(one.outcome), in the kernel \(theirs.verdict)"
    }
    let ours = one.memory[packetOffset..<end]
    return zip(ours, theirs.packet).enumerated().first { $1.0 != $1.1 }.map {
      "octet \($0) of the packet: \($1.0), in the kernel \($1.1)"
    }
  }

  @Test func wildProgramsEndAlikeInBothEngines() throws {
    let cases = RandomCases(count: Self.count, what: "PROGRAMS")
    let ends = Mutex<[Fault: Int]>([:])
    try cases.run {
      let engines = try Engines()
      return { seed in
        let slots = WildProgram(seed: seed, page: engines.page).slots
        let one = try engines.run(slots, [], .interpreter)
        ends.withLock { $0[one.outcome.fault, default: 0] += 1 }
        return engines.difference(one, try engines.run(slots, [], .jit))
      }
    }
    let seen = ends.withLock { $0 }
    print(
      """
      \(cases.agreed) of \(cases.count) wild programs ended alike in both engines: \
      \(seen.map { "\($0) \($1)" }.sorted().joined(separator: ", ")) (SEED=\(cases.seed))
      """)
    #expect(cases.agreed == cases.count)
    // Programs that all end alike would prove nothing.
    for fault in [Fault.none, .memory, .fuel, .callDepth, .badCall] where Self.count >= 50_000 {
      #expect(seen[fault, default: 0] > 0, "\(fault)")
    }
  }

  @Test func aDifferenceIsNoticed() throws {
    let engines = try Engines()
    let program = [
      RawInstruction(opcode: 0xb7, destination: 0, immediate: 3), RawInstruction(opcode: 0x95),
    ]
    let one = try engines.run(program, [7], .interpreter)
    #expect(engines.difference(one, try engines.run(program, [7], .jit)) == nil)
    #expect(engines.difference(one, try engines.run(program, [8], .jit)) != nil)
    var two = one
    two.fuel -= 1
    #expect(engines.difference(one, two) != nil)
    two = one
    two.outcome.value = 4
    #expect(engines.difference(one, two) != nil)
  }
}
