// SPDX-License-Identifier: Apache-2.0

import Arena
import CTestSupport
import Datapath
import MemModels
import Ports
import Testing
import XDPFrame

/// A datapath of ours that redirects as ``KernelRedirects`` does; one thread.
final class OurRedirects {
  private let pool: PagePool
  private let datapath: Datapath
  private let ports: [MemoryPort]
  private let loops: [ReceiveLoop]
  private let tallies: [Tally]
  private let blocks: [TrustedBlock]
  private let program = Wishful()

  init(portCount: Int, mtu: Int = Limits.packet) throws {
    let registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: 512)
    let copies = try PagePool(registry: registry, pageCount: 64)
    copies.disown()
    datapath = Datapath(registry: registry, entryCapacity: Int(REDIRECT_KEYS))
    datapath.setCopyModel(copies)
    let pool = pool
    ports = try (0..<portCount).map {
      try MemoryPort(name: "p\($0)", registry: registry, capacity: 256, mtu: mtu, models: [pool])
    }
    for port in ports { datapath.add(port) }
    datapath.setPassPort(ports[0])
    let blocks = try ports.map { _ in
      try registry.arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
    }
    self.blocks = blocks
    tallies = blocks.map { unsafe Tally(memory: $0.address) }
    let (datapath, program, tallies) = (datapath, program, tallies)
    loops = zip(ports, tallies).map { port, tally in
      let slot = ProgramSlot(program, named: "wishful", in: datapath.quiescence)
      return ReceiveLoop(port: port, queue: 0, program: slot, tally: tally, in: datapath)
    }
  }

  func stop() {
    datapath.stop()
    for port in ports { port.close() }
    let census = pool.census()
    #expect(census.balances && census[.free] == census.capacity, "\(census)")
  }

  /// Leads a key of the device map to a port, or nowhere.
  func setPort(_ key: UInt32, to number: Int?, hasProgram: Bool = false) throws {
    guard let number else { return try datapath.devMap.remove(key) }
    try datapath.devMap.update(key, ports[number], program: hasProgram ? Leave() : nil)
  }

  func setCPU(_ key: UInt32) throws {
    try datapath.cpuMap.update(key, CPUMap.Value(name: "w", cpu: 0, program: DropAll()))
  }

  /// What becomes of a packet for which a redirect is asked, as the verdict that the kernel's helper answers.
  func answer(map: redirect_map, key: UInt32, flags: UInt64) throws -> UInt32 {
    let before = ends
    program.target = target(map, key, flags)
    try receive([UInt8](repeating: 0, count: 64), from: 0)
    for port in ports { while let frame = port.takeSent() { frame.recycle(.shutdown) } }
    let after = ends
    let changed = after.indices.first { after[$0] != before[$0] }
    return UInt32(try #require(changed))
  }

  /// How many packets ended with each of the kernel's verdicts.
  private var ends: [UInt64] {
    let tally = tallies[0]
    return [
      tally[.aborted], tally[DropReason.noEntry], tally[.pass], tally[.transmit], tally[.redirect],
    ]
  }

  /// Redirects a packet that came by a port.
  func redirect(_ packet: [UInt8], from number: Int, key: UInt32 = 0, flags: UInt64) throws {
    program.target = target(TO_PORTS, key, flags)
    try receive(packet, from: number)
  }

  private func target(_ map: redirect_map, _ key: UInt32, _ flags: UInt64) -> RedirectTarget {
    let number = map == TO_PORTS ? Datapath.devMapNumber : Datapath.cpuMapNumber
    var target = RedirectTarget(map: number, key: key)
    target.flags = RedirectFlags(rawValue: UInt16(flags))
    return target
  }

  private func receive(_ packet: [UInt8], from number: Int) throws {
    try #require(ports[number].put(packet))
    loops[number].poll()
  }

  /// What left by each port since the last call, in order.
  func takePackets() -> [[[UInt8]]] {
    ports.map { port in
      var packets: [[UInt8]] = []
      while let frame = port.takeSent() { packets.append(frame.octets()) }
      return packets
    }
  }

  /// The marks of these packets.
  func takeMarks() -> [[UInt8]] { takePackets().map { $0.map { $0[Int(MARK_OFFSET)] } } }

  /// Asks for the redirect that a test wishes.
  private final class Wishful: PacketProgram, @unchecked Sendable {
    // Safe: one thread.
    var target = RedirectTarget(map: 0, key: 0)

    func run(_ packet: inout Buff) -> Verdict { packet.redirect(to: target) }
  }

  /// Gives a packet the verdict that it says itself, as `leave` of the kernel's side does.
  private final class Leave: PacketProgram, Sendable {
    func run(_ packet: inout Buff) -> Verdict {
      let (ingress, egress) = (packet.queue.port, packet.egressPort ?? 0)
      return packet.withMutableBytes { octets in
        octets.storeBytes(of: ingress, toByteOffset: Int(INGRESS_OFFSET), as: UInt32.self)
        octets.storeBytes(of: egress, toByteOffset: Int(EGRESS_OFFSET), as: UInt32.self)
        return unsafe Verdict(
          rawValue: UInt32(
            octets.unsafeLoad(fromByteOffset: Int(VERDICT_OFFSET), as: UInt8.self)))
      }
    }
  }

  private final class DropAll: Program, Sendable {
    func run(_ burst: inout Burst) { burst.setAll(.drop) }
  }
}
