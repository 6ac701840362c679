// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF
import Testing

/// Programs that try to get out: each is refused or stopped, and nothing outside the window changes.
@Suite struct HostileTests {
  /// Places that programs try to reach.
  struct Host {
    /// The window offset of the end of a map's values, behind which is a hole.
    var mapEnd: UInt64
    /// Addresses of memory that is not the programs'.
    var heap: UInt64
    var trusted: UInt64
  }

  /// Octets of the host that no program may change.
  @safe
  private final class Canary {
    // Safe: allocated here or owned by the block, both for as long as this object.
    let start: UnsafeMutableRawPointer
    private let block: TrustedBlock?
    private static let byteCount = 4096

    init(in arena: Arena?) throws {
      block = try arena?.allocateTrusted(byteCount: UInt(Canary.byteCount))
      unsafe start =
        block?.address ?? .allocate(byteCount: Canary.byteCount, alignment: 64)
      unsafe start.initializeMemory(as: UInt8.self, repeating: 0x5a, count: Canary.byteCount)
    }

    deinit { if block == nil { unsafe start.deallocate() } }

    var address: UInt64 { unsafe UInt64(UInt(bitPattern: start)) }
    var isUnchanged: Bool {
      unsafe UnsafeRawBufferPointer(start: start, count: Canary.byteCount).allSatisfy { $0 == 0x5a }
    }
  }

  @Test(arguments: Engine.allCases)
  func aHostileProgramIsStoppedAndNothingOutsideChanges(_ engine: Engine) throws {
    let sandbox = try Sandbox(fuel: 10_000)
    let packet = try sandbox.arena.addSegment(byteCount: 4096)
    let map = try sandbox.arena.addSegment(byteCount: 4096)
    let canaries = try [Canary(in: nil), Canary(in: sandbox.arena)]
    let host = Host(
      mapEnd: UInt64(map.offset) + 4096, heap: canaries[0].address, trusted: canaries[1].address)
    let context = sandbox.end(less: 24)
    let end = packet.offset + 4096
    #expect(sandbox.machine.context.memory.store32(context, UInt32(end) - 64))
    #expect(sandbox.machine.context.memory.store32(context + 4, UInt32(end)))
    let programs = HostilePrograms.stopped(host)
    #expect(programs.count + HostilePrograms.refused.count >= 50)
    for program in programs {
      let executable = try Executable(
        ProgramSpec(name: program.name, instructions: program.slots), helpers: Self.helpers,
        engine: engine)
      #expect(
        run(executable, context, sandbox) == Outcome(value: 0, fault: program.fault),
        "\(program.name)")
      #expect(canaries.allSatisfy { $0.isUnchanged }, "\(program.name)")
    }
    let harmless = [Code.move(0, 2), Code.exit]
    #expect(try sandbox.run(harmless, engine: engine) == Outcome(value: 2))
  }

  /// Runs a program and what it is replaced by: itself.
  private func run(_ executable: Executable, _ context: UInt64, _ sandbox: Sandbox) -> Outcome {
    var outcome = sandbox.machine.run(executable, context)
    while outcome.fault == .tailCall { outcome = sandbox.machine.proceed(executable, context) }
    return outcome
  }

  /// 1 refuses, 5 does nothing, 12 replaces the program, 181 calls back.
  private static let helpers: HelperTable = {
    var helpers = HelperTable()
    // Safe: no helper follows an argument; the context is followed only as a RunContext.
    unsafe helpers[1] = { _, _, _, _, _, context in
      unsafe RunContext(context).fault = .helper
      return 0
    }
    unsafe helpers[5] = { _, _, _, _, _, _ in 0 }
    unsafe helpers[12] = { _, _, _, _, _, context in
      unsafe RunContext(context).replaceProgram(by: 1) ? 0 : ~0
    }
    unsafe helpers[181] = { _, function, _, _, _, context in
      unsafe RunContext(context).call(function, (0, function, 0, 0)) ?? 0
    }
    return helpers
  }()

  @Test(arguments: Engine.allCases)
  func noRegisterHoldsAnAddressOfTheHost(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    let frame = try sandbox.frame
    for register: UInt8 in 0...10 {
      // What a program finds when it starts, and after a helper: r1, r2 and r10 are 32-bit offsets, the rest is 0.
      for prefix in [[], [Code.call(5)]] {
        let program = prefix + [Code.copy(0, from: register), Code.exit]
        let outcome = try sandbox.run(program, engine: engine, helpers: Self.helpers, 7, 9)
        let expected: UInt64 =
          switch register {
          case 1 where prefix.isEmpty: 7
          case 2 where prefix.isEmpty: 9
          case 10: frame
          default: 0
          }
        #expect(outcome == Outcome(value: expected), "r\(register)")
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func theStackIsZeroedForEachRunAndEachCall(_ engine: Engine) throws {
    let sandbox = try Sandbox()
    // Fills its frame, which it passes on, and adds up what it found there.
    let places = (1...64).map { Int16(-8 * $0) }
    let sum = places.flatMap { place in
      [
        Code.memory(0x79, 3, 10, place),
        RawInstruction(opcode: 0x0f, destination: 0, source: 3),
        Code.memory(0x7a, 10, 0, place, 1),
      ]
    }
    let program =
      [Code.move(0, 0)] + sum + [Code.callLocal(2), Code.callLocal(1), Code.exit, Code.move(0, 0)]
      + sum + [Code.exit]
    for _ in 0..<3 {
      #expect(try sandbox.run(program, engine: engine) == Outcome(value: 0))
    }
  }
}
