// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF
import Testing

/// Helpers, called with what no verifier would let through.
@Suite struct HostileHelperTests {
  /// Maps of every kind, and a runner over them.
  final class Yard {
    let store: MapStore
    let runner: Runner
    /// A page that programs may point to.
    let page: Segment

    init() throws {
      let arena = try Arena()
      store = MapStore(arena: arena, processorCount: 4)
      runner = try Runner(store: store, processor: 2, fuel: 4096)
      page = try arena.addSegment(byteCount: 4096)
      for kind in MapKind.allCases {
        var spec = MapSpec(
          name: kind.name, type: kind.rawValue, keyByteCount: 4, valueByteCount: 4,
          maximumEntries: 8)
        switch kind {
        case .longestPrefix: (spec.keyByteCount, spec.flags) = (8, 1)
        case .queue, .stack: spec.keyByteCount = 0
        case .ringBuffer:
          (spec.keyByteCount, spec.valueByteCount, spec.maximumEntries) = (0, 0, 4096)
        case .hash, .perCPUHash: spec.valueByteCount = 24
        default: break
        }
        _ = try store.map(spec)
      }
    }

    /// A number that a helper may take for a handle, an address, a length, or flags.
    func argument(_ random: inout Generator) -> UInt64 {
      switch random.next() % 8 {
      case 0: random.next() % UInt64(store.maps.count + 2)
      case 1: UInt64(page.offset) + random.next() % 4200
      case 2: 0xffff_8000_0000_0000 | UInt64(page.offset) + 8
      case 3: random.next() % 64
      case 4: 1 << 63 | random.next() % 20
      case 5: UInt64(UInt32.max) - random.next() % 16
      case 6: random.next()
      default: UInt64(runner.contextOffset) + 1024 + random.next() % 64
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func noArgumentsOfAnyHelperDoHarm(_ engine: Engine) throws {
    let yard = try Yard()
    var random = Generator(state: 0x1234_5678_9abc_def1)
    var faults: Set<Fault> = []
    for number in 0..<HelperTable.capacity where unsafe HelperTable.general[number] != nil {
      for _ in 0..<(engine == .jit ? 60 : 200) {
        var program: [RawInstruction] = []
        for register: UInt8 in 1...5 { program += Code.wide(register, yard.argument(&random)) }
        program += [Code.call(Int32(number)), Code.exit]
        let executable = try Executable(
          ProgramSpec(name: "hostile", instructions: program), helpers: .general, engine: engine)
        faults.insert(yard.runner.run(executable, yard.runner.contextOffset).fault)
      }
    }
    // Some got through, some were stopped for each of these reasons, and the process lives.
    #expect(faults.isSuperset(of: [.none, .memory, .fuel]))
  }

  @Test(arguments: Engine.allCases)
  func aLockThatIsNeverFreedCostsOnlyTheFuelOfWhoeverWaits(_ engine: Engine) throws {
    let yard = try Yard()
    let program =
      Code.wide(1, UInt64(yard.page.offset)) + [Code.call(93)]
      + Code.wide(1, UInt64(yard.page.offset)) + [Code.call(93), Code.exit]
    let executable = try Executable(
      ProgramSpec(name: "locks", instructions: program), helpers: .general, engine: engine)
    #expect(yard.runner.run(executable, 0) == Outcome(value: 0, fault: .fuel))
  }

  @Test func everyRunnerHasAProcessorOfItsOwn() throws {
    let store = MapStore(arena: try Arena(), processorCount: 2)
    let first = try Runner(store: store, processor: 1)
    var second: Runner? = try Runner(store: store, processor: 1)
    #expect(first.processor == 1 && second?.processor == 0)
    #expect(throws: LoadError.self) { _ = try Runner(store: store) }
    second = nil
    #expect(try Runner(store: store).processor == 0)
  }

  @Test func whatAProgramPrintsIsFormattedAndKeptInBounds() throws {
    let lines = Lines()
    let store = MapStore(arena: try Arena(), processorCount: 1) { lines.append($0) }
    let runner = try Runner(store: store)
    // Safe: the runner's own memory, of 1,024 octets.
    let format = Array("%d %5u|%-4x|%c%%".utf8) + [0]
    unsafe runner.contextAddress.copyMemory(from: format, byteCount: format.count)
    let program =
      Code.wide(1, runner.contextOffset) + [Code.move(2, Int32(format.count))] + [
        Code.move(3, -7), Code.move(4, 42), Code.move(5, 255), Code.call(6), Code.exit,
      ]
    let executable = try Executable(
      ProgramSpec(name: "prints", instructions: program), helpers: .general)
    // Four conversions and three values: refused as in the kernel.
    #expect(runner.run(executable, 0).value == UInt64(bitPattern: -22))
    unsafe runner.contextAddress.copyMemory(from: Array("%d %5u|%-4x|\n".utf8) + [0], byteCount: 14)
    for _ in 0..<100 { #expect(runner.run(executable, 0).value == 15) }
    #expect(lines.all.first == "-7    42|ff  |")
    #expect(lines.all.count < 100)
  }
}
