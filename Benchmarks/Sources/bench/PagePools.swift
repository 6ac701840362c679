// SPDX-License-Identifier: Apache-2.0

import Arena
import CLinux
import CPeers
import MemModels
import Rings
import XDPFrame

// What a buffer costs before there is a packet in it.
//
//     CPU 0:  allocate(burst) ──▶ pages ──▶ recycle(burst)                    into the owner's cache
//     CPU 0:  allocate(burst) ──▶ SPSCRing ──▶ FrameBulk.recycle  :CPU 1      through the ring of returns
//
// The peers are the same pool, ledger included, in C.
func pagePools(_ runner: inout Runner) {
  for burst in [1, 32] {
    runner.compare(
      "pool.allocate-recycle.burst\(burst)", unit: .nanoseconds,
      peers: [.c(notBelow: 0.8) { count, _ in peer_pool(UInt32(burst), count) }]
        + runner.dpdk(notBelow: 0.2) { dpdk, count, _ in dpdk.pool(UInt32(burst), count) }
    ) { count, _ in allocateAndRecycle(burst: burst, count: count) }
  }
  for burst in [1, 32] {
    runner.compare(
      "pool.cross-thread-return.burst\(burst)", unit: .nanoseconds, threads: 2,
      peers: [
        .c(notBelow: 0.7) { count, cpus in
          peer_cross_thread_return(UInt32(burst), count, cpus[1])
        }
      ]
        + runner.dpdk(notBelow: 0.5) { dpdk, count, cpus in
          dpdk.crossThreadReturn(UInt32(burst), count, cpus[1])
        }
    ) { count, cpus in crossThreadReturn(burst: burst, count: count, cpu: cpus[1]) }
  }
}

/// A pool in an arena of its own.
func makePool(pages: Int, ring: Int = 4_096) -> (MemoryRegistry, PagePool) {
  do {
    let registry = MemoryRegistry(arena: try Arena())
    return (registry, try PagePool(registry: registry, pageCount: pages, ringCapacity: ring))
  } catch {
    preconditionFailure("A benchmark needs its memory: \(error)")
  }
}

private func allocateAndRecycle(burst: Int, count: UInt64) -> UInt64 {
  let (registry, pool) = makePool(pages: 100)
  defer { withExtendedLifetime(registry) { _ = pool.destroy() } }
  let pages = UnsafeMutablePointer<Storage>.allocate(capacity: 64)
  defer { unsafe pages.deallocate() }
  let started = clinux_now()
  unsafe churn(pool, pages, burst: burst, count: count)
  return clinux_now() - started
}

@inline(never)
private func churn(
  _ pool: PagePool, _ pages: UnsafeMutablePointer<Storage>, burst: Int, count: UInt64
) {
  // Safe: a storage and a descriptor are the same 8 octets, and recycling takes the pages over.
  let descriptors = unsafe UnsafeMutableRawPointer(pages).assumingMemoryBound(to: Descriptor.self)
  var done: UInt64 = 0
  while done < count {
    let taken = unsafe pool.allocate(into: pages, count: burst)
    unsafe clinux_keep(pages)
    unsafe pool.recycle(descriptors, count: taken)
    done &+= UInt64(truncatingIfNeeded: burst)
  }
}

private func crossThreadReturn(burst: Int, count: UInt64, cpu: UInt32) -> UInt64 {
  let (registry, pool) = makePool(pages: 1_024)
  defer { withExtendedLifetime(registry) { _ = pool.destroy() } }
  let memory = RingMemory()
  defer { memory.free() }
  let ring = memory.ring
  let arena = registry.arena
  let started = clinux_now()
  let returner = PinnedThread(on: cpu) {
    takeHome(from: ring, arena: arena, burst: burst, count: count)
  }
  sendAway(pool, ring, burst: burst, count: count)
  returner.join()
  return clinux_now() - started
}

@inline(never)
private func sendAway(_ pool: PagePool, _ ring: SPSCRing, burst: Int, count: UInt64) {
  let pages = UnsafeMutablePointer<Storage>.allocate(capacity: 64)
  let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: 64)
  defer {
    unsafe pages.deallocate()
    unsafe slots.deallocate()
  }
  var sent: UInt64 = 0
  while sent < count {
    let wanted = min(UInt64(burst), count &- sent)
    let taken = unsafe pool.allocate(into: pages, count: Int(wanted))
    if taken == 0 { clinux_pause() }
    for position in 0..<taken {
      let page = unsafe (pages + position).move().take()
      page.flags = []
      unsafe slots[position] = Slot(page).rawValue
    }
    var done = 0
    while done < taken { done &+= unsafe ring.produce(slots + done, count: taken &- done) }
    sent &+= UInt64(truncatingIfNeeded: taken)
  }
}

@inline(never)
private func takeHome(from ring: SPSCRing, arena: Arena, burst: Int, count: UInt64) {
  let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: 64)
  defer { unsafe slots.deallocate() }
  let base = unsafe arena.base
  var bulk = FrameBulk()
  var seen: UInt64 = 0
  while seen < count {
    let taken = unsafe ring.consume(into: slots, count: burst)
    if taken == 0 {
      clinux_pause()
      continue
    }
    for position in 0..<taken {
      let slot = unsafe Slot(rawValue: slots[position])
      if let page = unsafe slot.descriptor(base: base) { bulk.append(Frame(owning: page)) }
    }
    bulk.recycle(.programDrop)
    seen &+= UInt64(truncatingIfNeeded: taken)
  }
}
