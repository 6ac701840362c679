// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Ports
import Syscalls
import TestSupport
import Testing
import Wire
import XDPFrame

/// A TAP port in a namespace of its own, and the kernel's end of the interface.
final class TAPFixture {
  let registry: MemoryRegistry
  let pools: [PagePool]
  let namespace: NetworkNamespace
  let port: TAPPort
  let loop = Loop()

  init(
    queueCount: Int = 1, mtu: Int = 1_500, pages: Int = 1_024,
    _ change: (inout TAPOptions) -> Void = { _ in }
  ) throws {
    registry = MemoryRegistry(arena: try Arena())
    let namespace = try NetworkNamespace.anonymous()
    try namespace.disableIPv6()
    self.namespace = namespace
    var options = TAPOptions()
    options.mtu = mtu
    change(&options)
    let registry = registry
    pools = try (0..<queueCount).map { _ in try PagePool(registry: registry, pageCount: pages) }
    let pools = pools
    let finished = options
    port = try namespace.run {
      try TAPPort(
        name: "tap", device: "tap0", registry: registry, models: pools, options: finished)
    }
  }

  /// The interface.
  func interface() throws -> Interface { try namespace.run { try Interface(named: "tap0") } }

  /// A packet socket on the kernel's end: what it sends the port receives, and the other way round.
  func kernelEnd() throws -> PacketSocket { try PacketSocket(on: interface(), in: namespace) }

  /// Receives until so many packets have come; answers their octets and sends them home.
  func receive(_ count: Int, queue: Int = 0) throws -> [[UInt8]] {
    var packets: [[UInt8]] = []
    let deadline = MonotonicClock.now + 30_000_000_000
    while packets.count < count, MonotonicClock.now < deadline {
      loop.poll(port, queue: queue)
      packets += loop.contents
      loop.drop()
    }
    return packets
  }

  /// Makes a frame of the first pool.
  func frame(_ octets: [UInt8]) throws -> Frame {
    guard let frame = Frame(octets: octets, from: pools[0]) else { throw Missing.page }
    return frame
  }

  enum Missing: Error { case page }

  /// Closes the port and checks that every page is home.
  func expectAllHome(sourceLocation: SourceLocation = #_sourceLocation) {
    port.close()
    for pool in pools {
      let census = pool.census()
      #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
      #expect(census.doubleFree == 0 && census.abandoned == 0, sourceLocation: sourceLocation)
      #expect(pool.destroy() == nil, sourceLocation: sourceLocation)
    }
  }
}
