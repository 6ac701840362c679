// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import CPeers
import Datapath
import MemModels
import Plugins
import Synchronization
import XDPFrame

// The whole way in memory, with the code that a daemon runs: software receive-side scaling.
//
//     CPU 0:  pages ──▶ headers ──▶ ReceiveLoop ──▶ Steer ──┬─▶ entry ──▶ Worker, program  :CPU 1
//                ▲                                         └─▶ entry ──▶ Worker, program  :CPU 2
//                └──────────────── bulk returns ◀───────────────────┘
//
// 64-octet packets of 16,384 flows; workers spin; each runs a program that reads the headers and drops. There are
// fewer pages than slots, so nothing is lost and the slower side sets the pace. The peer is the same way in C.
func pipelines(_ runner: inout Runner) {
  for workers in [1, 2] {
    runner.compare(
      "pipeline.steer.workers\(workers)", unit: .nanoseconds, threads: 1 + workers,
      peers: [
        .c(notBelow: 0.6) { count, cpus in
          unsafe Array(cpus[1...]).withUnsafeBufferPointer {
            unsafe peer_pipeline(UInt32(workers), count, $0.baseAddress.unsafelyUnwrapped)
          }
        }
      ]
        + runner.dpdk(notBelow: 0.5) { dpdk, count, cpus in
          dpdk.pipeline(workers, count, Array(cpus[1...]))
        }
    ) { count, cpus in pipeline(workers: workers, count: count, cpus: cpus) }
  }
}

/// Makes 64-octet packets up: one page each, headers written, nothing else.
@safe
private final class HeaderPort: Port, @unchecked Sendable {
  // Safe: received from by one thread, which alone touches the seed and the pages.
  let name = "headers"
  let number: UInt32
  private let pool: PagePool
  private let queue: ReceiveQueueInfo
  private let pages: UnsafeMutablePointer<Storage>
  private let seed: UnsafeMutablePointer<UInt32>

  init(_ registry: MemoryRegistry, _ pool: PagePool) throws {
    self.pool = pool
    number = registry.takePortNumber()
    queue = try registry.registerQueue(port: number, queue: 0, memory: pool.memory)
    unsafe pages = .allocate(capacity: 64)
    unsafe seed = .allocate(capacity: 1)
    unsafe seed.initialize(to: 1)
  }

  deinit {
    unsafe pages.deallocate()
    unsafe seed.deallocate()
  }

  var status: PortStatus { PortStatus(kind: "memory", largestPacket: 64, sendsFragments: false) }
  var queueCount: Int { 1 }

  func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    let taken = unsafe pool.allocate(into: pages, count: budget)
    var position = 0
    while position < taken {
      let page = unsafe (pages + position).move().take()
      burst.append(owning: page, queue: self.queue, headroom: Limits.headroom, byteCount: 64)
      unsafe peer_write_header(
        burst[position].data.assumingMemoryBound(to: CChar.self), seed)
      position &+= 1
    }
  }

  func transmit(_ frames: inout FrameBulk) -> Int { 0 }
  func pollDescriptor(queue: Int) -> Int32? { nil }
  func maintain(queue: Int) {}
}

/// Counts the octets of packets to port 9, and drops everything.
@safe
private final class PortNine: PacketProgram, @unchecked Sendable {
  // Safe: run by one worker.
  private let octets: UnsafeMutablePointer<UInt64>

  init() {
    unsafe octets = .allocate(capacity: 1)
    unsafe octets.initialize(to: 0)
  }

  deinit { unsafe octets.deallocate() }

  func run(_ packet: inout Buff) -> Verdict {
    let byteCount = packet.linearByteCount
    guard byteCount >= 42 else { return .drop }
    let port = unsafe packet.data.loadUnaligned(fromByteOffset: 36, as: UInt16.self)
    unsafe octets.pointee &+= UInt64(byteCount) &* (port == 0x0900 ? 1 : 0)
    return .drop
  }
}

private func pipeline(workers: Int, count: UInt64, cpus: [UInt32]) -> UInt64 {
  let (registry, pool) = makePool(pages: 1_536)
  defer { withExtendedLifetime(registry) { _ = pool.destroy() } }
  do {
    let datapath = Datapath(registry: registry, entryCapacity: 2, parking: .spin)
    let port = try HeaderPort(registry, pool)
    for worker in 0..<workers {
      try datapath.cpuMap.update(
        UInt32(worker),
        CPUMap.Value(
          name: "w\(worker)", cpu: Int(cpus[1 + worker]), queueCapacity: 2_048,
          program: PortNine()))
    }
    let steer = Steer(
      keys: (0..<workers).map { UInt32($0) }, map: Datapath.cpuMapNumber)
    return try drive(datapath, port, steer, count: count)
  } catch {
    preconditionFailure("A benchmark needs its datapath: \(error)")
  }
}

private func drive(
  _ datapath: Datapath, _ port: HeaderPort, _ steer: Steer, count: UInt64
) throws -> UInt64 {
  let block = try datapath.registry.arena.allocateTrusted(byteCount: UInt(Tally.byteCount))
  let tally = unsafe Tally(memory: block.address)
  let slot = ProgramSlot(steer, named: "steer", in: datapath.quiescence)
  let loop = ReceiveLoop(port: port, queue: 0, program: slot, tally: tally, in: datapath)
  let started = clinux_now()
  while tally[.received] < count {
    if loop.poll() == 0 { clinux_pause() }
  }
  datapath.stop()
  let elapsed = Double(clinux_now() - started)
  let received = tally[.received]
  let processed = datapath.entryReports.reduce(0) { $0 + $1.processed }
  withExtendedLifetime(block) {}
  return processed == received ? UInt64(elapsed * Double(count) / Double(received)) : 0
}
