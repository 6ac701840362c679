// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF
import Synchronization
import Syscalls
import Testing

/// Maps that several threads change and read at once.
@Suite struct MapStressTests {
  /// A value that belongs to a key: the key in each of its words.
  private static func value(_ key: UInt32) -> [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: key >> (8 * ($0 % 4))) }
  }

  private static func octets(_ key: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: key >> (8 * $0)) }
  }

  @Test(arguments: [MapKind.hash, .lruHash])
  func everyKeyEndsWithItsOwnValueAndNoneIsLost(_ kind: MapKind) throws {
    let store = MapStore(arena: try Arena(), processorCount: 4)
    let map = try store.map(
      MapSpec(
        name: "m", type: kind.rawValue, keyByteCount: 4, valueByteCount: 16, maximumEntries: 64))
    try withThreads(3) { number in
      var random = Generator(state: UInt64(number) &* 77 &+ 1)
      for _ in 0..<5_000 {
        let key = UInt32(random.next() % 96)
        switch random.next() % 3 {
        case 0: try? map.setValue(Self.value(key), of: Self.octets(key))
        case 1: try? map.removeValue(of: Self.octets(key))
        default: _ = try? map.value(of: Self.octets(key))
        }
      }
    }
    let keys = map.keys
    #expect(Set(keys).count == keys.count && keys.count <= 64)
    for key in keys {
      let number = key.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      #expect(try map.value(of: key) == Self.value(number))
    }
    // All elements are still to be had.
    for key in keys { try map.removeValue(of: key) }
    for key in 0..<UInt32(64) { try map.setValue(Self.value(key), of: Self.octets(key), flags: 1) }
    #expect(map.keys.count == 64)
  }

  @Test func alwaysTheLongestPrefixIsFoundWhileOthersChange() throws {
    let store = MapStore(arena: try Arena(), processorCount: 1)
    let map = try store.map(
      MapSpec(
        name: "m", type: MapKind.longestPrefix.rawValue, keyByteCount: 8, valueByteCount: 4,
        maximumEntries: 400, flags: 1))
    try map.setValue([8, 0, 0, 0], of: [8, 0, 0, 0, 10, 0, 0, 0])
    try map.setValue([32, 0, 0, 0], of: [32, 0, 0, 0, 10, 1, 2, 3])
    let stop = Atomic(false)
    let changer = try Thread(name: "change") {
      var random = Generator(state: 99)
      while !stop.load(ordering: .relaxed) {
        let bits = UInt8(9 + random.next() % 22)
        let key = [bits, 0, 0, 0, 10, 200, UInt8(random.next() % 256), UInt8(random.next() % 256)]
        try? map.setValue([bits, 0, 0, 0], of: key)
        if random.next() % 2 == 0 { try? map.removeValue(of: key) }
      }
    }
    for _ in 0..<5_000 {
      #expect(try map.value(of: [32, 0, 0, 0, 10, 1, 2, 3]) == [32, 0, 0, 0])
      #expect(try map.value(of: [32, 0, 0, 0, 10, 1, 2, 4]) == [8, 0, 0, 0])
    }
    stop.store(true, ordering: .relaxed)
    changer.join()
  }

  @Test func aMapThatForgetsKeepsWhatIsUsed() throws {
    let store = MapStore(arena: try Arena(), processorCount: 1)
    let map = try store.map(
      MapSpec(
        name: "m", type: MapKind.lruHash.rawValue, keyByteCount: 4, valueByteCount: 16,
        maximumEntries: 100))
    let runner = try Runner(store: store)
    // Looks key 0 up, as programs do; the host's own reading counts for nothing.
    let program =
      Code.wide(1, UInt64(map.handle)) + Code.wide(2, runner.contextOffset) + [
        Code.call(1), Code.exit,
      ]
    let lookup = try Executable(
      ProgramSpec(name: "look", instructions: program), helpers: .general)
    for key in 0..<UInt32(3_000) {
      try map.setValue(Self.value(key), of: Self.octets(key))
      #expect(runner.run(lookup, 0).value != 0)
    }
    #expect(map.keys.count == 100)
  }
}

/// Does something on several threads at once, and waits for all.
private func withThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
  guard count > 0 else { return }
  let thread = try Thread(name: "change") { body(count) }
  try withThreads(count - 1, body)
  thread.join()
}
