// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF
import Glibc
import MemModels
import Plugins
import Testing
import XDPFrame

/// An object in our sandbox; one thread.
final class OurObject {
  let loaded: LoadedObject
  private let registry: MemoryRegistry
  private let pool: PagePool
  private let queue: ReceiveQueueInfo
  private let processor: Int
  private var programs: [String: BPFProgram] = [:]

  init(_ object: Object, processor: Int, engine: Engine = .jit) throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: 64)
    queue = try registry.registerQueue(
      port: 1, queue: 0, memory: pool.memory, fragmentByteCount: UInt32(Limits.page))
    // As the kernel's test run has it: the packet came by the loopback interface.
    queue.interfaceIndex = 1
    self.processor = processor
    let store = MapStore(
      arena: registry.arena, processorCount: sysconf(Int32(_SC_NPROCESSORS_CONF)))
    loaded = LoadedObject(object, store: store, helpers: BPFProgram.helpers, engine: engine)
  }

  deinit {
    registry.unregisterQueue(queue)
    if let drain = pool.destroy() { Issue.record("Pages did not come home: \(drain)") }
  }

  /// Prepares a program; one processor serves all of them, as they run one after the other.
  func prepare(_ name: String) throws {
    programs.removeAll()
    programs[name] = try BPFProgram(
      loaded, program: name, processor: processor, takesFragments: true)
  }

  /// Runs the prepared program on a packet.
  func run(_ name: String, on packet: [UInt8]) throws -> KernelObject.Result {
    let program = try #require(programs[name])
    var burst = Burst()
    burst.append(try makePacket(packet))
    program.run(&burst)
    #expect(program.faultCount == 0 && program.exhaustionCount == 0)
    let verdict = unsafe burst.verdicts[0].rawValue
    let octets = burst[0].metadataAndOctets
    burst.takeHome(at: 0).recycle(.shutdown)
    burst.removeAll()
    return KernelObject.Result(verdict: verdict, octets: octets)
  }

  private func makePacket(_ octets: [UInt8]) throws -> Buff {
    let page = try zeroedPage()
    let linear = min(octets.count, Limits.linear)
    var packet = Buff(
      owning: page.take(), queue: queue, headroom: Limits.headroom, byteCount: linear)
    unsafe packet.data.copyMemory(from: Array(octets[..<linear]), byteCount: linear)
    var position = linear
    while position < octets.count {
      let part = try zeroedPage()
      let piece = Array(octets[position..<min(octets.count, position + Limits.page)])
      unsafe part.descriptor.hardStart.copyMemory(from: piece, byteCount: piece.count)
      if let refused = packet.addFragment(part, offset: 0, byteCount: piece.count) {
        refused.recycle()
        Issue.record("A packet of \(octets.count) octets has more than 17 fragments.")
      }
      position += piece.count
    }
    return packet
  }

  private func zeroedPage() throws -> Storage {
    guard let page = pool.allocate() else { throw PacketError.unreachable }
    unsafe page.descriptor.hardStart.initializeMemory(
      as: UInt8.self, repeating: 0, count: Limits.page)
    return page
  }
}

extension Buff {
  /// Metadata and packet.
  var metadataAndOctets: [UInt8] {
    unsafe Array(unsafeUninitializedCapacity: metadataByteCount + byteCount) { room, count in
      let octets = UnsafeMutableRawBufferPointer(room)
      let metadata = unsafe UnsafeRawBufferPointer(
        start: data - metadataByteCount, count: metadataByteCount)
      unsafe octets.copyMemory(from: metadata)
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: octets[metadataByteCount...])
      let isWhole = unsafe copyBytes(from: 0, to: rest)
      #expect(isWhole)
      count = octets.count
    }
  }
}
