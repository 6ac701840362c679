// SPDX-License-Identifier: Apache-2.0

import Arena
import MemModels
import Plugins
import Testing
import XDPFrame

/// A pool, a queue, and bursts of packets that a plugin can be run over.
final class Bench {
  let registry: MemoryRegistry
  let pool: PagePool
  let queue: ReceiveQueueInfo

  init(pages: Int = 512) throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: pages)
    queue = try registry.registerQueue(
      port: 1, queue: 0, memory: pool.memory, fragmentByteCount: UInt32(Limits.page))
  }

  /// The octets of a test packet: each is its own position modulo 251.
  static func octets(_ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8($0 % 251) }
  }

  func packet(_ byteCount: Int) throws -> Buff {
    let frame = Frame(octets: Bench.octets(byteCount), from: pool)
    guard let frame else { throw Missing.page }
    frame.descriptor.queueNumber = queue.number
    return Buff(frame)
  }

  func burst(_ byteCounts: [Int]) throws -> Burst {
    var burst = Burst()
    for byteCount in byteCounts { burst.append(try packet(byteCount)) }
    burst.setAll(.aborted)
    return burst
  }

  enum Missing: Error { case page }

  /// Takes all packets home.
  func end(_ burst: inout Burst) {
    for position in 0..<burst.count { burst.takeHome(at: position).recycle(.shutdown) }
    burst.removeAll()
  }

  func expectAllHome(sourceLocation: SourceLocation = #_sourceLocation) {
    let census = pool.census()
    #expect(census.balances, sourceLocation: sourceLocation)
    #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
    #expect(census.abandoned == 0, sourceLocation: sourceLocation)
  }
}

extension Burst {
  /// The verdicts, in order.
  var given: [Verdict] { (0..<count).map { unsafe verdicts[$0] } }
}
