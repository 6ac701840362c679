// SPDX-License-Identifier: Apache-2.0

import Arena
import Datapath
import MemModels
import Ports
import Syscalls
import Testing
import XDPFrame

/// A datapath in memory: a port whose packets a test puts in, a pool, and what checks the ledgers.
final class Bench: Sendable {
  let registry: MemoryRegistry
  let pool: PagePool
  let port: MemoryPort
  let datapath: Datapath
  /// The queue that packets are said to have arrived by, until a port says otherwise.
  let queueInfo: ReceiveQueueInfo

  init(
    pages: Int = 1_024, portCapacity: Int = 4_096, queueCount: Int = 1,
    parking: ParkingMode = .adaptive, workers: WorkerMode = .threads, allowsRing: Bool = true,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    registry = MemoryRegistry(arena: try Arena())
    pool = try PagePool(registry: registry, pageCount: pages)
    port = try MemoryPort(
      name: "in", registry: registry, queueCount: queueCount, capacity: portCapacity)
    queueInfo = try registry.registerQueue(port: port.number, queue: 0, memory: pool.memory)
    datapath = Datapath(
      registry: registry, parking: parking, workers: workers, allowsRing: allowsRing, warn: warn)
    datapath.add(port)
  }

  enum Missing: Error { case page }

  /// The CPUs that tests pin workers to.
  static var cpus: [Int] { CPUSet.allowed.processors }

  /// A packet whose first four octets say `mark`, and that has so many fragments of 100 octets.
  func packet(_ mark: UInt32, byteCount: Int = 64, fragmentCount: Int = 0) throws -> Frame {
    guard let frame = packet(mark, byteCount: byteCount, fragmentCount: fragmentCount, from: pool)
    else { throw Missing.page }
    return frame
  }

  /// The same, of a pool that the calling thread owns; nil when that is empty.
  func packet(
    _ mark: UInt32, byteCount: Int = 64, fragmentCount: Int = 0, from pool: PagePool
  ) -> Frame? {
    guard let storage = pool.allocate() else { return nil }
    var buff = Buff(
      owning: storage.take(), queue: queueInfo, headroom: pool.headroom, byteCount: byteCount)
    unsafe buff.data.storeBytes(of: mark, as: UInt32.self)
    for _ in 0..<fragmentCount {
      guard let part = pool.allocate(), buff.addFragment(part, offset: 0, byteCount: 100) == nil
      else {
        buff.recycle(.poolEmpty)
        return nil
      }
    }
    return Frame(buff)
  }

  /// Puts a packet in.
  func put(_ frame: consuming Frame) {
    guard let rejected = port.put(frame) else { return }
    rejected.recycle(.ringFull)
    Issue.record("The memory port had no room.")
  }

  /// Puts packets with marks 0..<count in.
  func put(_ count: Int, from first: Int = 0) throws {
    for mark in first..<(first + count) { put(try packet(UInt32(mark))) }
  }

  /// The marks of the frames that were sent back, in order.
  func takeSentMarks() -> [UInt32] { DatapathTests.takeSentMarks(of: port) }

  /// Checks that every page is home, each exactly once.
  func expectAllHome(sourceLocation: SourceLocation = #_sourceLocation) {
    expectHome(pool, sourceLocation: sourceLocation)
  }
}

/// The marks of the frames that a port sent, in order; the frames go home.
func takeSentMarks(of port: MemoryPort) -> [UInt32] {
  var marks: [UInt32] = []
  while let frame = port.takeSent() {
    marks.append(unsafe frame.descriptor.data.load(as: UInt32.self))
    frame.recycle(.shutdown)
  }
  return marks
}

/// Checks that every page of a pool is home, each exactly once.
func expectHome(_ pool: PagePool, sourceLocation: SourceLocation = #_sourceLocation) {
  let census = pool.census()
  #expect(census.balances, sourceLocation: sourceLocation)
  #expect(census[.free] == census.capacity, "\(census)", sourceLocation: sourceLocation)
  #expect(census.doubleFree == 0, sourceLocation: sourceLocation)
  #expect(census.abandoned == 0, sourceLocation: sourceLocation)
}

/// Checks what a change of a map answers: an errno, or nil for none.
func expectErrno(
  _ errno: Int32?, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws(MapError) -> Void
) {
  do throws(MapError) {
    try body()
    #expect(errno == nil, sourceLocation: sourceLocation)
  } catch {
    #expect(error.errno == errno, sourceLocation: sourceLocation)
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

/// Sends packets to keys in turn, counted over all bursts.
final class RoundRobin: PacketProgram, @unchecked Sendable {
  // Safe: run by one thread.
  private let map: UInt16
  private let keyCount: Int
  private var position = 0

  init(map: UInt16 = Datapath.cpuMapNumber, keyCount: Int) {
    self.map = map
    self.keyCount = keyCount
  }

  func run(_ packet: inout Buff) -> Verdict {
    defer { position += 1 }
    let key = UInt32(position % keyCount)
    return packet.redirect(to: RedirectTarget(map: map, key: key, onMiss: .drop))
  }
}

/// Sends each flow to a key of its own; see ``Feeder`` for what a flow is.
final class ByFlow: PacketProgram, Sendable {
  private let keyCount: UInt32

  init(keyCount: Int) { self.keyCount = UInt32(keyCount) }

  func run(_ packet: inout Buff) -> Verdict {
    let key = unsafe packet.data.load(as: UInt32.self) >> 24 % keyCount
    return packet.redirect(
      to: RedirectTarget(map: Datapath.cpuMapNumber, key: key, onMiss: .drop))
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
