// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF

/// A machine with little fuel, and a page for r1.
// Safe: the fuzzer has one thread.
final class Bench: @unchecked Sendable {
  static let only = Bench()
  private let arena: Arena
  private let machine: Machine
  private let page: Segment

  private init() {
    do {
      arena = try Arena()
      machine = try Machine(arena: arena, fuel: 1 << 10)
      page = try arena.addSegment(byteCount: 4096)
    } catch {
      fatalError("There is no machine: \(error)")
    }
  }

  /// Runs a program on a page that is the same for each.
  func run(_ executable: Executable) -> (outcome: Outcome, page: [UInt8]) {
    // Safe: the page has 4096 octets and lives as long as this.
    unsafe page.address.initializeMemory(as: UInt8.self, repeating: 0x5a, count: 4096)
    let outcome = machine.run(executable, UInt64(page.offset), 4096)
    return (outcome, unsafe Array(UnsafeRawBufferPointer(start: page.address, count: 4096)))
  }
}
