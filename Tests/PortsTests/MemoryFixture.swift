// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import MemModels
import Ports
import Testing
import XDPFrame

/// A registry with a page pool and a ledger, for ports in memory.
final class MemoryFixture {
  let registry: MemoryRegistry
  let pool: PagePool
  let tally: Tally
  private let block: TrustedBlock

  enum Missing: Error { case page }

  init(pages: Int = 256) throws {
    let arena = try Arena()
    registry = MemoryRegistry(arena: arena)
    pool = try PagePool(registry: registry, pageCount: pages)
    block = try arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
    tally = unsafe Tally(memory: block.address)
  }

  /// A registered model keeps itself and its registry alive.
  deinit { registry.disconnect(pool.memory.id) }

  func frame(_ octets: [UInt8]) throws -> Frame {
    guard let frame = Frame(octets: octets, from: pool) else { throw Missing.page }
    return frame
  }

  /// A frame whose octets are all the same.
  func frame(_ octet: UInt8, byteCount: Int = 60) throws -> Frame {
    try frame([UInt8](repeating: octet, count: byteCount))
  }

  /// A bulk of frames whose first octets count up.
  func bulk(_ count: Int, byteCount: Int = 60) throws -> FrameBulk {
    var bulk = FrameBulk()
    for number in 0..<count {
      bulk.append(try frame(UInt8(number), byteCount: byteCount))
    }
    return bulk
  }

  /// Receives once and answers the packets' octets.
  func receive(_ port: some Port, queue: Int = 0, budget: Int = 64) -> [[UInt8]] {
    var burst = Burst()
    port.receive(&burst, queue: queue, budget: budget, tally: tally)
    var packets: [[UInt8]] = []
    for position in 0..<burst.count {
      packets.append(burst.takeAnyway(at: position).octets())
    }
    burst.removeAll()
    return packets
  }

  /// Receives once and sends what came to another port.
  func carry(from port: some Port, to other: some Port, budget: Int = 64) -> Int {
    var burst = Burst()
    port.receive(&burst, queue: 0, budget: budget, tally: tally)
    var bulk = FrameBulk()
    for position in 0..<burst.count { bulk.append(burst.takeAnyway(at: position)) }
    burst.removeAll()
    let sent = other.transmit(&bulk)
    bulk.recycle()
    return sent
  }

  var isWhole: Bool {
    let census = pool.census()
    return census[.free] == census.capacity && census.doubleFree == 0 && census.abandoned == 0
  }
}

/// The octets of the frames sent, in order; they go home.
func takeSent(_ port: MemoryPort) -> [[UInt8]] {
  var packets: [[UInt8]] = []
  while let frame = port.takeSent() { packets.append(frame.octets()) }
  return packets
}
