// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF
import Syscalls
import TestSupport
import Testing

/// The kernel's maps and ours, given the same operations.
@Suite(.requiresKernelPrograms) struct MapComparisonTests {
  /// What is compared: a definition, and how its keys are drawn.
  struct Case: Sendable, CustomTestStringConvertible {
    let kind: MapKind
    var key: UInt32 = 4
    let value: UInt32
    let entries: UInt32
    var flags: UInt32 = 0
    /// Keys are drawn below this; more than there are entries where that is to be felt.
    let keyLimit: UInt64

    var testDescription: String { "\(kind.name), \(entries) entries" }
    var spec: MapSpec {
      MapSpec(
        name: kind.name, type: kind.rawValue, keyByteCount: key, valueByteCount: value,
        maximumEntries: entries, flags: flags)
    }
  }

  static let cases = [
    Case(kind: .array, value: 5, entries: 7, keyLimit: 9),
    Case(kind: .perCPUArray, value: 12, entries: 3, keyLimit: 4),
    Case(kind: .hash, key: 6, value: 3, entries: 8, keyLimit: 12),
    Case(kind: .hash, key: 13, value: 40, entries: 64, flags: 1, keyLimit: 90),
    Case(kind: .perCPUHash, key: 8, value: 9, entries: 8, keyLimit: 12),
    Case(kind: .lruHash, key: 4, value: 8, entries: 4096, keyLimit: 20),
    Case(kind: .lruPerCPUHash, key: 4, value: 8, entries: 4096, keyLimit: 20),
    Case(kind: .longestPrefix, key: 5, value: 4, entries: 20, flags: 1, keyLimit: 0),
    Case(kind: .longestPrefix, key: 8, value: 8, entries: 500, flags: 1, keyLimit: 0),
    Case(kind: .queue, key: 0, value: 6, entries: 5, keyLimit: 0),
    Case(kind: .stack, key: 0, value: 6, entries: 5, keyLimit: 0),
  ]

  /// A key; prefixes share their beginnings, so that trees grow deep.
  static func key(_ test: Case, _ random: inout Generator) -> [UInt8] {
    guard test.kind == .longestPrefix else {
      let number = test.keyLimit == 0 ? 0 : random.next() % test.keyLimit
      return (0..<Int(test.key)).map { $0 < 8 ? UInt8(truncatingIfNeeded: number >> (8 * $0)) : 7 }
    }
    let bits = random.next() % UInt64(8 * (test.key - 4) + 2)
    return [UInt8(bits), 0, 0, 0] + (4..<test.key).map { _ in UInt8(random.next() % 3) << 6 }
  }

  enum Answer: Equatable {
    case done
    case octets([UInt8])
    case refused(Errno)

    init(_ body: () throws(Errno) -> [UInt8]?) {
      do throws(Errno) {
        self = (try body()).map { .octets($0) } ?? .done
      } catch {
        self = .refused(error)
      }
    }
  }

  @Test(arguments: cases)
  func randomOperationsAreAnsweredAsByTheKernel(_ test: Case) throws {
    let store = MapStore(arena: try Arena(), processorCount: KernelMap.processorCount)
    let ours = try store.map(test.spec)
    let kernel = try KernelMap(test.spec)
    var random = Generator(state: 0x2545_f491_4f6c_dd1d)
    for step in 0..<3000 {
      let key = MapComparisonTests.key(test, &random)
      let value = (0..<ours.hostValueByteCount).map { _ in UInt8(truncatingIfNeeded: random.next())
      }
      let flags = [0, 0, 1, 2, 3, 8][Int(random.next() % 6)] as UInt64
      let choice = random.next() % 8
      let expected: Answer
      let answer: Answer
      switch choice {
      case 0..<4:
        expected = Answer { () throws(Errno) in
          try kernel.setValue(value, of: key, flags: flags); return nil
        }
        answer = Answer { () throws(Errno) in
          try ours.setValue(value, of: key, flags: flags); return nil
        }
      case 4 where test.key == 0:
        expected = Answer { () throws(Errno) in try kernel.popValue() }
        answer = Answer { () throws(Errno) in try ours.popValue() }
      case 4,
        5 where test.key != 0:
        expected = Answer { () throws(Errno) in
          try kernel.removeValue(of: key); return nil
        }
        answer = Answer { () throws(Errno) in
          try ours.removeValue(of: key); return nil
        }
      default:
        expected = Answer { () throws(Errno) in try kernel.value(of: key) }
        answer = Answer { () throws(Errno) in try ours.value(of: key) }
      }
      try #require(
        masked(answer, ours) == masked(expected, ours),
        "step \(step), choice \(choice), key \(key), flags \(flags)")
      guard step % 250 == 0, test.key > 0 else { continue }
      try #require(Set(ours.keys) == Set(kernel.keys), "step \(step)")
    }
  }

  /// What lies between two processors' values is nobody's.
  private func masked(_ answer: Answer, _ map: BPFMap) -> Answer {
    guard case .octets(let octets) = answer, map.kind.isPerCPU else { return answer }
    let value = Int(map.spec.valueByteCount)
    let stride = (value + 7) / 8 * 8
    return .octets(octets.enumerated().filter { $0.offset % stride < value }.map(\.element))
  }

  @Test func definitionsAreRefusedWhereTheKernelRefusesThem() throws {
    let store = MapStore(arena: try Arena(), processorCount: KernelMap.processorCount)
    let kinds: [MapKind] = [
      .hash, .array, .programArray, .perfEventArray, .perCPUHash, .perCPUArray, .lruHash,
      .lruPerCPUHash, .longestPrefix, .deviceMap, .xskMap, .queue, .stack, .deviceHash,
      .ringBuffer,
    ]
    for kind in kinds {
      for key: UInt32 in [0, 3, 4, 8] {
        for value: UInt32 in [0, 4, 8] {
          for entries: UInt32 in [0, 1, 4096] {
            for flags: UInt32 in [0, 1] {
              // Arrays and their like take no such flag, here it is ignored.
              if flags == 1, ![.hash, .lruHash, .lruPerCPUHash, .longestPrefix].contains(kind) {
                continue
              }
              let spec = MapSpec(
                name: kind.name, type: kind.rawValue, keyByteCount: key, valueByteCount: value,
                maximumEntries: entries, flags: flags)
              let isTaken = (try? KernelMap(spec)) != nil
              let isOurs = (try? store.map(spec)) != nil
              #expect(isTaken == isOurs, "\(spec)")
            }
          }
        }
      }
    }
  }
}

/// Xorshift: the same operations on every run.
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
