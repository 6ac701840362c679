// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import EBPF

// What a program costs that finds a value by a key of the packet, and counts or replaces it.
//
//     CPU 0:  Runner.run ──▶ packet ──▶ key ──▶ helper ──▶ map ──▶ value ──▶ verdict
//
// Maps have 1,000 keys, but for the array, which has 256. There is no peer: natively there is no helper to call.
func programMaps(_ runner: inout Runner) {
  for name in ["count_array", "count_hash", "count_recent", "update_hash"] {
    let program = MapProgram(name)
    let words = name.split(separator: "_").joined(separator: "-")
    runner.compare("ebpf.jit.\(words)", unit: .nanoseconds, peers: []) { count, _ in
      program.run(count)
    }
  }
}

/// A program with its maps filled, and a packet for it.
@safe
private final class MapProgram {
  private let runner: EBPF.Runner
  private let executable: Executable
  private let object: LoadedObject
  private let page: Segment

  init(_ name: String) {
    do {
      let store = MapStore(arena: try Arena(), processorCount: 1)
      object = LoadedObject(try Object(BenchmarkProgram.object()), store: store)
      runner = try EBPF.Runner(store: store)
      page = try store.arena.addSegment(byteCount: 4096)
      executable = try object.program(named: name)
      for map in ["hash", "recent"] {
        for key in 0..<UInt32(1_000) {
          let octets = (0..<4).map { UInt8(truncatingIfNeeded: key >> (8 * $0)) }
          try object.map(named: map).setValue([UInt8](repeating: 0, count: 8), of: octets)
        }
      }
    } catch {
      preconditionFailure("A benchmark needs its program: \(error)")
    }
    // Safe: the runner's scratch memory has room for a context of two words.
    let start = UInt32(page.offset)
    unsafe runner.contextAddress.storeBytes(of: start, as: UInt32.self)
    unsafe runner.contextAddress.storeBytes(of: start + 64, toByteOffset: 4, as: UInt32.self)
  }

  func run(_ count: UInt64) -> UInt64 {
    let context = runner.contextOffset
    var wrong: UInt64 = 0
    let started = clinux_now()
    for index in 0..<count {
      // Safe: the page holds the packet; its key changes from run to run.
      unsafe page.address.storeBytes(
        of: UInt8(truncatingIfNeeded: index &* 37), toByteOffset: 29, as: UInt8.self)
      wrong |= runner.run(executable, context).value ^ 2
    }
    let ended = clinux_now()
    return wrong == 0 ? ended - started : 0
  }
}
