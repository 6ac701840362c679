// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import TestSupport
import Testing
import XDPFrame

/// Changes of a CPU map, here and in the kernel.
@Suite(.requiresKernelPrograms) struct CPUMapTests {
  /// One change: an entry whose program accepts fragments or does not, or its removal.
  enum Change: CaseIterable {
    case plain, fragments, remove
  }

  @Test func everySequenceOfProgramsIsAnsweredAsInTheKernel() throws {
    // Two keys, three changes each: every sequence of four, 1,296 of them.
    let changes: [(key: UInt32, change: Change)] =
      Change.allCases.map { (0, $0) } + Change.allCases.map { (1, $0) }
    var sequence = [0, 0, 0, 0]
    repeat {
      let kernel = try KernelCPUMap()
      let ours = Datapath(registry: MemoryRegistry(arena: try Arena()), entryCapacity: 2)
      let steps = sequence.map { changes[$0] }
      let theirs = steps.map { apply($0.change, $0.key, to: kernel) }
      let answers = steps.map { apply($0.change, $0.key, to: ours.cpuMap) }
      #expect(answers == theirs, "\(steps)")
      ours.stop()
    } while advance(&sequence, base: changes.count)
  }

  private func apply(_ change: Change, _ key: UInt32, to map: KernelCPUMap) -> Int32 {
    switch change {
    case .remove: map.remove(key)
    case .plain, .fragments: map.update(key, acceptsFragments: change == .fragments)
    }
  }

  private func apply(_ change: Change, _ key: UInt32, to map: CPUMap) -> Int32 {
    do throws(MapError) {
      switch change {
      case .remove: try map.remove(key)
      case .plain, .fragments:
        try map.update(
          key,
          CPUMap.Value(
            name: "entry", cpu: 0, queueCapacity: 64,
            program: PassAll(acceptsFragments: change == .fragments)))
      }
      return 0
    } catch {
      return error.errno
    }
  }

  /// Counts up; false when every sequence was seen.
  private func advance(_ sequence: inout [Int], base: Int) -> Bool {
    for position in sequence.indices {
      sequence[position] += 1
      if sequence[position] < base { return true }
      sequence[position] = 0
    }
    return false
  }
}

private final class PassAll: Program, Sendable {
  let acceptsFragments: Bool

  init(acceptsFragments: Bool) { self.acceptsFragments = acceptsFragments }

  func run(_ burst: inout Burst) { burst.setAll(.pass) }
}
