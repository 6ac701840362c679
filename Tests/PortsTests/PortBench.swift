// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import MemModels
import Ports
import Syscalls
import TestSupport
import Testing
import XDPFrame

/// The kinds of ports that both receive and transmit.
enum PortKind: String, CaseIterable, Sendable {
  case memory
  case afxdp
  case tap
  case packet
}

/// A port of some kind in a datapath, and the far end that it speaks to.
final class PortBench {
  let registry: MemoryRegistry
  let datapath: Datapath
  let port: any Port
  /// A pool to make frames of, which is the port's own where it has one.
  let pool: PagePool
  private let pair: NamespacePair?
  private let namespace: NetworkNamespace?
  private let socket: PacketSocket?
  private let loop: ReceiveLoop
  let tally: Tally
  private let block: TrustedBlock

  /// Makes a port whose interface, if it has one, carries packets of an MTU.
  init(_ kind: PortKind, mtu: Int = 9_000, program: any Program) throws {
    let arena = try Arena()
    registry = MemoryRegistry(arena: arena)
    let pool = try PagePool(registry: registry, pageCount: 2_048, ringCapacity: 2_048)
    self.pool = pool
    block = try arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
    tally = unsafe Tally(memory: block.address)
    let registry = registry
    var pair: NamespacePair?
    var namespace: NetworkNamespace?
    switch kind {
    case .memory:
      socket = nil
      port = try MemoryPort(name: "in", registry: registry, mtu: mtu, models: [pool])
    case .tap:
      let home = try NetworkNamespace.anonymous()
      try home.disableIPv6()
      var options = TAPOptions()
      options.mtu = mtu
      let finished = options
      port = try home.run {
        try TAPPort(
          name: "in", device: "tap0", registry: registry, models: [pool], options: finished)
      }
      let interface = try home.run { try Interface(named: "tap0") }
      socket = try PacketSocket(on: interface, in: home)
      namespace = consume home
    case .afxdp, .packet:
      let cable = try NamespacePair(mtu: UInt32(mtu))
      socket = try PacketSocket(on: cable.left, in: cable.a)
      port = try cable.b.run { () -> any Port in
        if kind == .packet {
          return try PacketPort(name: "in", device: "right", registry: registry, models: [pool])
        }
        return try AFXDPPort(
          name: "in", device: "right", registry: registry, options: smallOptions(multiBuffer: true))
      }
      pair = consume cable
    }
    self.pair = pair.take()
    self.namespace = namespace.take()
    datapath = Datapath(registry: registry)
    datapath.add(port)
    let slot = ProgramSlot(program, named: "test", in: datapath.quiescence)
    loop = ReceiveLoop(port: port, queue: 0, program: slot, tally: tally, in: datapath)
  }

  /// Sends a packet to the port.
  func send(_ packet: [UInt8]) throws {
    if let memory = port as? MemoryPort {
      #expect(memory.put(packet))
    } else {
      try socket?.send(packet)
    }
  }

  /// Takes what the port has sent; nil if nothing comes.
  func receive(timeout: Duration = .seconds(30)) throws -> [UInt8]? {
    if let memory = port as? MemoryPort { return memory.takeSent()?.octets() }
    return try socket?.receive(timeout: timeout)
  }

  /// Polls until so many packets have ended.
  func poll(until count: Int) -> Bool {
    let deadline = MonotonicClock.now + 30_000_000_000
    while tally[.received] < UInt64(count), MonotonicClock.now < deadline {
      if loop.poll() == 0 { port.maintain(queue: 0) }
    }
    return tally[.received] == UInt64(count)
  }

  /// Makes a frame of the pool.
  func frame(_ octets: [UInt8]) throws -> Frame {
    guard let frame = Frame(octets: octets, from: pool) else { throw MemoryFixture.Missing.page }
    return frame
  }

  /// Closes the port and checks that both laws hold.
  func finish(sourceLocation: SourceLocation = #_sourceLocation) {
    datapath.stop()
    let ended =
      tally[.pass] + tally.dropped + tally[.transmit] + tally[.redirect] + tally[.aborted]
    #expect(tally[.received] == ended, sourceLocation: sourceLocation)
    for port in datapath.ports {
      (port as? MemoryPort)?.close()
      (port as? TAPPort)?.close()
      (port as? PacketPort)?.close()
      if let port = port as? AFXDPPort { expectAllHome(port, sourceLocation: sourceLocation) }
    }
    #expect(port.status.state == .closed, sourceLocation: sourceLocation)
    let census = pool.census()
    #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
    #expect(census.doubleFree == 0 && census.abandoned == 0, sourceLocation: sourceLocation)
    #expect(pool.destroy() == nil, sourceLocation: sourceLocation)
  }
}
