// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import Datapath
import MemModels
import Ports
import Syscalls
import Testing
import XDPFrame

/// A datapath in memory: a port whose packets a test puts in, a pool, and what checks the ledgers.
final class Bench {
  let registry: MemoryRegistry
  let pool: PagePool
  let port: MemoryPort
  let datapath: Datapath

  init(
    pages: Int = 1_024, parking: ParkingMode = .adaptive, allowsRing: Bool = true,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: pages)
    port = try MemoryPort(name: "in", registry: registry, capacity: 4_096)
    datapath = Datapath(
      registry: registry, parking: parking, allowsRing: allowsRing, warn: warn)
    datapath.add(port)
  }

  enum Missing: Error { case page, room }

  /// The CPUs that tests pin workers to.
  static var cpus: [Int] { CPUSet.allowed.processors }

  /// A packet of `byteCount` octets whose first four say `mark`.
  func packet(_ mark: UInt32, byteCount: Int = 64) throws -> Frame {
    guard let storage = pool.allocate() else { throw Missing.page }
    let info = try #require(queueInfo)
    let buff = Buff(
      owning: storage.take(), queue: info, headroom: pool.headroom, byteCount: byteCount)
    unsafe buff.data.storeBytes(of: mark, as: UInt32.self)
    guard let frame = Frame(buff) else { throw Missing.room }
    return frame
  }

  private lazy var queueInfo = try? registry.registerQueue(
    port: port.number, queue: 0, memory: pool.memory)

  /// Puts packets with marks 0..<count in.
  func put(_ count: Int, from first: Int = 0) throws {
    for mark in first..<(first + count) {
      if let rejected = port.put(try packet(UInt32(mark))) {
        rejected.recycle(.ringFull)
        Issue.record("The memory port had no room.")
      }
    }
  }

  /// The marks of the frames that were sent, in order.
  func takeSentMarks() -> [UInt32] {
    var marks: [UInt32] = []
    while let frame = port.takeSent() {
      marks.append(unsafe frame.descriptor.data.load(as: UInt32.self))
      frame.recycle(.shutdown)
    }
    return marks
  }

  /// Checks that every page is home, each exactly once.
  func expectAllHome(sourceLocation: SourceLocation = #_sourceLocation) {
    let census = pool.census()
    #expect(census.balances, sourceLocation: sourceLocation)
    #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
    #expect(census.doubleFree == 0, sourceLocation: sourceLocation)
    #expect(census.abandoned == 0, sourceLocation: sourceLocation)
  }
}

/// Checks the first law for a port.
func expectBalance(_ tally: Tally, sourceLocation: SourceLocation = #_sourceLocation) {
  let ended =
    tally[.pass] + tally.dropped + tally[.transmit] + tally[.redirect] + tally[.aborted]
  #expect(tally[.received] == ended, sourceLocation: sourceLocation)
}

/// Checks the laws for an entry.
func expectBalance(_ entry: EntryReport, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(entry.offered == entry.enqueued + entry.ringDrop, sourceLocation: sourceLocation)
  #expect(entry.enqueued == entry.processed + entry.depth, sourceLocation: sourceLocation)
  let drops = entry.drops.values.reduce(0, +)
  let ended = entry.pass + drops + entry.transmit + entry.redirect + entry.aborted
  #expect(entry.processed == ended, sourceLocation: sourceLocation)
}

/// Gives the packets of a burst verdicts in turn.
final class Scripted: PacketProgram, @unchecked Sendable {
  // Safe: run by one thread, as every program is.
  let verdicts: [Verdict]
  let target: RedirectTarget
  private var position = 0

  init(_ verdicts: [Verdict], target: RedirectTarget = RedirectTarget(map: 1, key: 0)) {
    self.verdicts = verdicts
    self.target = target
  }

  func run(_ packet: inout Buff) -> Verdict {
    defer { position += 1 }
    packet.target = target
    return verdicts[position % verdicts.count]
  }
}

/// Remembers the marks it saw, in order, then answers one verdict.
final class Recorder: PacketProgram, @unchecked Sendable {
  // Safe: run by one thread; read after that thread was joined.
  private(set) var marks: [UInt32] = []
  private(set) var cpus: Set<Int> = []
  let verdict: Verdict

  init(_ verdict: Verdict = .drop) { self.verdict = verdict }

  func run(_ packet: inout Buff) -> Verdict {
    marks.append(unsafe packet.data.load(as: UInt32.self))
    cpus.insert(CPUSet.current)
    return verdict
  }
}
