// SPDX-License-Identifier: Apache-2.0

import Arena
import EBPF
import MemModels
import Plugins
import XDPFrame

/// A pool and a queue in memory, for one packet at a time.
final class PacketBench {
  private let registry: MemoryRegistry
  private let pool: PagePool
  private let queue: ReceiveQueueInfo
  private let store: MapStore

  /// The numbers that redirects name; interfaces have none.
  private static let routes = RedirectRoutes(cpuMap: 1, deviceMap: 2, socketMap: 3)

  /// What a program made of a packet.
  struct Result {
    let verdict: Verdict
    /// Where it redirects to; nil for another verdict.
    let target: String?
    /// Why it was stopped; nil if it came to its end.
    let fault: String?
    let metadataByteCount: Int
    /// Metadata and packet.
    let octets: [UInt8]
  }

  init() throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: 64)
    queue = try registry.registerQueue(
      port: 1, queue: 0, memory: pool.memory, fragmentByteCount: UInt32(Limits.page))
    queue.interfaceIndex = 1
    store = MapStore(arena: registry.arena, processorCount: 1) {
      print("bpf_trace_printk: \($0)")
    }
  }

  deinit {
    registry.unregisterQueue(queue)
    _ = pool.destroy()
  }

  /// Loads an object and prepares a program, with everything set.
  func program(
    _ object: Object, named name: String?, settings: [ObjectSetting], engine: Engine
  ) throws -> BPFProgram {
    var object = object
    try object.apply(settings)
    let loaded = LoadedObject(
      object, store: store, helpers: BPFProgram.helpers, engine: engine)
    try loaded.apply(settings)
    // A packet by hand may be of any length, whatever the section says of fragments.
    return try BPFProgram(
      loaded, program: name, takesFragments: true,
      routes: PacketBench.routes)
  }

  /// Runs a program on a packet.
  func run(_ program: BPFProgram, on octets: [UInt8]) throws -> Result {
    let (faults, exhaustions) = (program.faultCount, program.exhaustionCount)
    var burst = Burst()
    burst.append(try packet(octets))
    program.run(&burst)
    let verdict = unsafe burst.verdicts[0]
    let result = Result(
      verdict: verdict,
      target: verdict == .redirect ? describe(burst[0].target) : nil,
      fault: program.faultCount > faults
        ? "the program accessed memory that is not there"
        : program.exhaustionCount > exhaustions ? "the program did not come to an end" : nil,
      metadataByteCount: burst[0].metadataByteCount, octets: burst[0].metadataAndOctets)
    burst.takeHome(at: 0).recycle(.shutdown)
    burst.removeAll()
    return result
  }

  private func describe(_ target: RedirectTarget) -> String {
    switch target.map {
    case 1: "CPU \(target.key)"
    case 2: "port \(target.key)"
    case 3: "socket \(target.key)"
    default: "an interface that is not configured"
    }
  }

  private func packet(_ octets: [UInt8]) throws -> Buff {
    guard (Limits.ethernetHeader...Limits.packet).contains(octets.count) else {
      throw Complaint(
        "a packet has \(Limits.ethernetHeader) to \(Limits.packet) octets, not \(octets.count)")
    }
    let linear = min(octets.count, Limits.linear)
    var packet = Buff(
      owning: try page().take(), queue: queue, headroom: Limits.headroom, byteCount: linear)
    unsafe packet.data.copyMemory(from: octets, byteCount: linear)
    var position = linear
    while position < octets.count {
      let part = try page()
      let piece = Array(octets[position..<min(octets.count, position + Limits.page)])
      unsafe part.descriptor.hardStart.copyMemory(from: piece, byteCount: piece.count)
      packet.addFragment(part, offset: 0, byteCount: piece.count)?.recycle()
      position += piece.count
    }
    return packet
  }

  private func page() throws -> Storage {
    guard let page = pool.allocate() else { throw Complaint("no buffer is left") }
    unsafe page.descriptor.hardStart.initializeMemory(
      as: UInt8.self, repeating: 0, count: Limits.page)
    return page
  }
}

extension Buff {
  /// Metadata and packet.
  fileprivate var metadataAndOctets: [UInt8] {
    unsafe Array(unsafeUninitializedCapacity: metadataByteCount + byteCount) { room, count in
      let octets = UnsafeMutableRawBufferPointer(room)
      let metadata = unsafe UnsafeRawBufferPointer(
        start: data - metadataByteCount, count: metadataByteCount)
      unsafe octets.copyMemory(from: metadata)
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: octets[metadataByteCount...])
      // What the CPU may not read stays zero; a packet made here is all readable.
      _ = unsafe copyBytes(from: 0, to: rest)
      count = octets.count
    }
  }
}
