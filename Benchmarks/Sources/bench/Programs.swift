// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import CPeers
import EBPF
import Glibc

// What a program costs on a packet that is in the cache.
//
//     CPU 0:  Machine.run ──▶ context ──▶ packet ──▶ verdict
//
// The peer is the same C, compiled natively and called through a pointer; scripts/build-bench compiles it for the
// machine.
func programs(_ runner: inout Runner) {
  for (name, octets) in [("drop", 64), ("parse", 64), ("checksum", 64), ("checksum", 1_500)] {
    let program = BenchmarkProgram(name, octets: octets)
    let suffix = name == "checksum" ? "\(name)\(octets)" : name
    runner.compare(
      "ebpf.jit.\(suffix)", unit: .nanoseconds,
      peers: [.c(notBelow: 0.5) { count, _ in program.runPeer(count) }]
    ) { count, _ in program.run(.jit, count) }
    runner.compare("ebpf.interpreter.\(suffix)", unit: .nanoseconds, peers: []) { count, _ in
      program.run(.interpreter, count)
    }
  }
}

/// A program in both engines, and a packet for it in an arena of its own.
@safe
final class BenchmarkProgram {
  private static let verdicts: [String: UInt32] = ["drop": 1, "parse": 3, "checksum": 2]
  private let name: String
  private let octets: Int
  private let machine: Machine
  private let page: Segment
  private let executables: [Engine: Executable]

  init(_ name: String, octets: Int) {
    self.name = name
    self.octets = octets
    do {
      let arena = try Arena()
      machine = try Machine(arena: arena)
      page = try arena.addSegment(byteCount: 4096)
      let object = try Object(BenchmarkProgram.object())
      let spec = try object.link(name)
      executables = [
        .jit: try Executable(spec, engine: .jit),
        .interpreter: try Executable(spec, engine: .interpreter),
      ]
    } catch {
      preconditionFailure("A benchmark needs its program: \(error)")
    }
    writePacket()
  }

  /// The context at the beginning of the page, the packet with UDP port 53 behind it.
  private func writePacket() {
    let memory = machine.context.memory
    let start = UInt32(page.offset) + 256
    _ = memory.store32(UInt64(page.offset), start)
    _ = memory.store32(UInt64(page.offset) + 4, start + UInt32(octets))
    var seed: UInt32 = 0x10000
    // Safe: the page has room for a packet of 1500 octets at 256.
    unsafe peer_write_header((page.address + 256).assumingMemoryBound(to: CChar.self), &seed)
    unsafe (page.address + 256 + 36).storeBytes(of: 0x3500, as: UInt16.self)
  }

  func run(_ engine: Engine, _ count: UInt64) -> UInt64 {
    guard let executable = executables[engine], let verdict = Self.verdicts[name] else { return 0 }
    let context = UInt64(page.offset)
    let expected = UInt64(verdict)
    var wrong: UInt64 = 0
    let started = clinux_now()
    for _ in 0..<count { wrong |= machine.run(executable, context).value ^ expected }
    let ended = clinux_now()
    return wrong == 0 ? ended - started : 0
  }

  func runPeer(_ count: UInt64) -> UInt64 {
    guard let verdict = Self.verdicts[name] else { return 0 }
    return unsafe peer_program(name, page.address + 256, UInt32(octets), verdict, count)
  }

  /// What scripts/build-bench compiled.
  static func object() -> [UInt8] {
    guard let file = unsafe fopen("Benchmarks/.build/programs.o", "r") else {
      preconditionFailure("Benchmarks/.build/programs.o is missing: scripts/build-bench makes it.")
    }
    defer { unsafe fclose(file) }
    var octets = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe fread(&octets, 1, octets.count, file)
    return Array(octets.prefix(count))
  }
}
