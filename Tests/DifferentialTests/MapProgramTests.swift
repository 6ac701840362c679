// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import Ports
import TestSupport
import Testing
import XDPFrame

/// Changes of CPU and device maps whose entries have programs, here and in the kernel.
@Suite(.requiresKernelPrograms) struct MapProgramTests {
  /// One change: an entry whose program accepts fragments or does not, or its removal.
  enum Change: CaseIterable {
    case plain, fragments, remove
  }

  @Test(arguments: KernelEntryMap.Kind.allCases)
  func everySequenceOfProgramsIsAnsweredAsInTheKernel(kind: KernelEntryMap.Kind) throws {
    // Two keys, three changes each: every sequence of four, 1,296 of them.
    let changes: [(key: UInt32, change: Change)] =
      Change.allCases.map { (0, $0) } + Change.allCases.map { (1, $0) }
    let programs = try KernelEntryMap.Programs(kind)
    var sequence = [0, 0, 0, 0]
    repeat {
      let kernel = try KernelEntryMap(programs)
      let ours = try OurEntryMap(kind)
      let steps = sequence.map { changes[$0] }
      let theirs = steps.map { apply($0.change, $0.key, to: kernel) }
      let answers = steps.map { ours.apply($0.change, $0.key) }
      #expect(answers == theirs, "\(steps)")
    } while advance(&sequence, base: changes.count)
  }

  private func apply(_ change: Change, _ key: UInt32, to map: KernelEntryMap) -> Int32 {
    switch change {
    case .remove: map.remove(key)
    case .plain, .fragments: map.update(key, acceptsFragments: change == .fragments)
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

/// A map of ours that is changed as the kernel's is.
private final class OurEntryMap {
  private let kind: KernelEntryMap.Kind
  private let datapath: Datapath
  private let port: MemoryPort

  init(_ kind: KernelEntryMap.Kind) throws {
    self.kind = kind
    datapath = Datapath(registry: MemoryRegistry(arena: try Arena()), entryCapacity: 2)
    port = try MemoryPort(name: "port", registry: datapath.registry, capacity: 1)
  }

  deinit { datapath.stop() }

  func apply(_ change: MapProgramTests.Change, _ key: UInt32) -> Int32 {
    do throws(MapError) {
      switch (kind, change) {
      case (.cpu, .remove): try datapath.cpuMap.remove(key)
      case (.device, .remove): try datapath.devMap.remove(key)
      case (.cpu, _):
        try datapath.cpuMap.update(
          key,
          CPUMap.Value(
            name: "entry", cpu: 0, queueCapacity: 64,
            program: PassAll(acceptsFragments: change == .fragments)))
      case (.device, _):
        try datapath.devMap.update(
          key, port, program: PassAll(acceptsFragments: change == .fragments))
      }
      return 0
    } catch {
      return error.errno
    }
  }
}

private final class PassAll: Program, Sendable {
  let acceptsFragments: Bool

  init(acceptsFragments: Bool) { self.acceptsFragments = acceptsFragments }

  func run(_ burst: inout Burst) { burst.setAll(.pass) }
}
