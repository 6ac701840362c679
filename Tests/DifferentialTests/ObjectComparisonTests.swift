// SPDX-License-Identifier: Apache-2.0

import CLibBPF
import CLinux
import EBPF
import Synchronization
import Syscalls
import TestSupport
import Testing

/// Unmodified objects, in the running kernel and in our sandbox, given the same packets and maps.
@Suite(.requiresKernelPrograms, .serialized) struct ObjectComparisonTests {
  /// The packets of each program.
  static let packetCount = 1000

  @Test func everyObjectOfXDPToolsDecidesAsInTheKernel() throws {
    let paths = try PublicObjects.paths()
    var agreed = 0
    for path in paths {
      var object = try Object(try FileDescriptor(opening: path).allOctets())
      agreed += try compareOnOneProcessor(object, path)
      guard let constants = object.maps.first(where: { $0.name == ".rodata" }) else { continue }
      // The dispatcher asks its constants how many of ten programs to call, and after which verdicts to go on.
      let rest = [UInt8](repeating: 0xff, count: constants.contents.count - 4)
      try object.setVariable("conf", to: [236, 2, 10, 0] + rest)
      agreed += try compareOnOneProcessor(object, path)
    }
    // Ten filters, the dispatcher, whose two programs run twice, a dumper and two for sockets, as of version 1.3.
    #expect(agreed >= 17)
    print("\(agreed) programs agreed with the kernel on \(Self.packetCount) packets each")
  }

  /// What is not as in the kernel.
  struct Difference: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  @Test(arguments: Engine.allCases)
  func ourOwnObjectsDecideAsInTheKernel(_ engine: Engine) throws {
    for name in ["helpers"] {
      let path = try TestObject(name).path
      let object = try Object(try FileDescriptor(opening: path).allOctets())
      #expect(try compareOnOneProcessor(object, path, engine) > 0)
    }
  }

  /// Compares all XDP programs of an object; how many there were.
  ///
  /// Maps with a value for each processor are alike only where kernel and sandbox stay on one.
  private func compareOnOneProcessor(
    _ object: Object, _ path: String, _ engine: Engine = .jit
  ) throws -> Int {
    let outcome = Mutex<Result<Int, any Error>>(.success(0))
    let thread = try Thread(name: "objects") {
      let result = Result { try Self.compare(object, path, engine) }
      outcome.withLock { $0 = result }
    }
    thread.join()
    return try outcome.withLock { $0 }.get()
  }

  private static func compare(_ object: Object, _ path: String, _ engine: Engine) throws -> Int {
    let processor = CPUSet.allowed.processors[0]
    #expect(clinux_pin(UInt32(processor)) == 0)
    let programs = object.programs.filter { $0.section.hasPrefix("xdp") }
    guard !programs.isEmpty else { return 0 }
    let kernel = try KernelObject(path: path, like: object)
    let ours = try OurObject(object, processor: processor, engine: engine)
    var random = SeededGenerator(seed: 0x5eed)
    try seed(object, kernel, ours, &random)
    for program in programs {
      var verdicts: Set<UInt32> = []
      try ours.prepare(program.name)
      for number in 0..<packetCount {
        let packet = RandomPacket(&random).octets
        let expected = try kernel.run(program.name, on: packet)
        let result = try ours.run(program.name, on: packet)
        verdicts.insert(result.verdict)
        guard result == expected else {
          throw Difference(
            "\(path), \(program.name), packet \(number) of \(packet.count) octets, which begins \(packet.prefix(64)): "
              + "\(result.difference(from: expected))")
        }
      }
      try compareMaps(object, kernel, ours, after: program.name)
      // A filter that decides the same about everything has not been tried.
      guard !path.contains("xdpfilt_") || verdicts.count > 1 else {
        throw Difference("\(path) gave every packet the same verdict")
      }
    }
    return programs.count
  }

  // MARK: Maps

  /// Keys that packets lead to, and values with bits that programs look at.
  private static func seed(
    _ object: Object, _ kernel: KernelObject, _ ours: OurObject, _ random: inout SeededGenerator
  ) throws {
    for spec in object.maps where spec.contents.isEmpty && isSeeded(spec) {
      let map = try ours.loaded.map(named: spec.name)
      // Every other address, so that packets meet both.
      for number in stride(from: UInt8(0), to: 8, by: 2) {
        let key = key(spec, number, &random)
        let stride = Int(spec.valueByteCount + 7) / 8 * 8
        let first = UInt8.random(in: 0..<64, using: &random)
        let value = (0..<map.hostValueByteCount).map { $0 % stride == 0 ? first : 0 }
        try map.setValue(value, of: key)
        try kernel.setValue(value, of: key, in: spec.name)
      }
    }
  }

  private static func isSeeded(_ spec: MapSpec) -> Bool {
    switch MapKind(rawValue: spec.type) {
    case .array, .perCPUArray: spec.maximumEntries >= 1 << 16
    case .hash, .perCPUHash, .lruHash, .lruPerCPUHash, .longestPrefix: true
    default: false
    }
  }

  private static func key(
    _ spec: MapSpec, _ number: UInt8, _ random: inout SeededGenerator
  ) -> [UInt8] {
    switch (MapKind(rawValue: spec.type), spec.keyByteCount) {
    case (.array, _), (.perCPUArray, _):
      let port = RandomPacket.port(.random(in: 0 ... .max, using: &random))
      return (number & 2 == 0 ? port : port.reversed()) + [0, 0]
    case (.longestPrefix, 8): return [24 + number, 0, 0, 0] + RandomPacket.address4(number)
    case (_, 4): return RandomPacket.address4(number)
    case (_, 6): return RandomPacket.hardwareAddress(number)
    case (_, 16): return RandomPacket.address6(number)
    default: return (0..<Int(spec.keyByteCount)).map { $0 == 0 ? number : 0 }
    }
  }

  /// What programs wrote must be the same, too.
  private static func compareMaps(
    _ object: Object, _ kernel: KernelObject, _ ours: OurObject, after program: String
  ) throws {
    // The kernel numbers the maps that a map holds in its own way.
    for spec in object.maps where spec.keyByteCount > 0 && spec.inner.isEmpty {
      let map = try ours.loaded.map(named: spec.name)
      for key in map.keys {
        guard let value = try? map.value(of: key) else { continue }
        let expected = try kernel.value(of: key, in: spec.name, byteCount: value.count)
        guard value == expected else {
          throw Difference(
            "\(program), map \(spec.name), key \(key): \(value) is \(expected ?? []) in the kernel")
        }
      }
    }
  }
}

extension FileDescriptor {
  /// Everything from here to the end.
  func allOctets() throws -> [UInt8] {
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      // Safe: the buffer lives for the duration of the call.
      let count = unsafe try chunk.withUnsafeMutableBytes { unsafe try read(into: $0) }
      guard let count, count > 0 else { return octets }
      octets += chunk[..<count]
    }
  }
}
