// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPeers
import MemModels
import XDPFrame

// What a packet costs: pages become packets, packets become frames, frames go home in bulk.
//
//     CPU 0:  allocate(burst) ──▶ Burst ──▶ FrameBulk ──▶ recycle
//     CPU 0:  9000 octets = 3520 + 4096 + 1384 ──▶ Buff ──▶ Frame ──▶ recycle
//
// The peers are the same steps in C, with the same checks of room and of every fragment.
func frames(_ runner: inout Runner) {
  for burst in [1, 32, 64] {
    runner.compare(
      "frame.build-recycle.burst\(burst)", unit: .nanoseconds,
      peers: [.c(notBelow: 0.6) { count, _ in peer_frame(UInt32(burst), count) }]
        + runner.dpdk(notBelow: 0.5) { dpdk, count, _ in dpdk.frame(UInt32(burst), count) }
    ) { count, _ in buildAndRecycle(burst: burst, count: count) }
  }
  runner.compare(
    "frame.jumbo9000.build-free", unit: .nanoseconds,
    peers: [.c(notBelow: 0.5) { count, _ in peer_jumbo(count) }]
      + runner.dpdk(notBelow: 0.4) { dpdk, count, _ in dpdk.jumbo(count) }
  ) { count, _ in buildJumbo(count: count) }
}

private func makeQueue(_ registry: MemoryRegistry, _ pool: PagePool) -> ReceiveQueueInfo {
  do {
    return try registry.registerQueue(port: 1, queue: 0, memory: pool.memory)
  } catch {
    preconditionFailure("A benchmark needs its queue: \(error)")
  }
}

private func buildAndRecycle(burst: Int, count: UInt64) -> UInt64 {
  let (registry, pool) = makePool(pages: 100)
  defer { withExtendedLifetime(registry) { _ = pool.destroy() } }
  let queue = makeQueue(registry, pool)
  let pages = UnsafeMutablePointer<Storage>.allocate(capacity: 64)
  defer { unsafe pages.deallocate() }
  let started = clinux_now()
  unsafe build(pool, queue, pages, burst: burst, count: count)
  return clinux_now() - started
}

@inline(never)
private func build(
  _ pool: PagePool, _ queue: ReceiveQueueInfo, _ pages: UnsafeMutablePointer<Storage>, burst: Int,
  count: UInt64
) {
  var packets = Burst()
  var bulk = FrameBulk()
  var done: UInt64 = 0
  while done < count {
    let taken = unsafe pool.allocate(into: pages, count: burst)
    var position = 0
    while position < taken {
      let page = unsafe (pages + position).move().take()
      packets.append(owning: page, queue: queue, headroom: Limits.headroom, byteCount: 64)
      position &+= 1
    }
    unsafe clinux_keep(packets.packets)
    position = 0
    while position < taken {
      if let frame = packets.takeFrame(at: position) { bulk.append(frame) }
      position &+= 1
    }
    packets.removeAll()
    unsafe clinux_keep(bulk.descriptors)
    bulk.recycle(.programDrop)
    done &+= UInt64(truncatingIfNeeded: burst)
  }
}

private func buildJumbo(count: UInt64) -> UInt64 {
  let (registry, pool) = makePool(pages: 100)
  defer { withExtendedLifetime(registry) { _ = pool.destroy() } }
  let queue = makeQueue(registry, pool)
  let pages = UnsafeMutablePointer<Storage>.allocate(capacity: 64)
  defer { unsafe pages.deallocate() }
  let started = clinux_now()
  unsafe jumbo(pool, queue, pages, count: count)
  return clinux_now() - started
}

@inline(never)
private func jumbo(
  _ pool: PagePool, _ queue: ReceiveQueueInfo, _ pages: UnsafeMutablePointer<Storage>,
  count: UInt64
) {
  var done: UInt64 = 0
  while done < count {
    guard unsafe pool.allocate(into: pages, count: 3) == 3 else { return }
    var packet = unsafe Buff(
      owning: pages.move().take(), queue: queue, headroom: Limits.headroom,
      byteCount: Limits.linear)
    for (position, byteCount) in [(1, 4_096), (2, 1_384)] {
      let page = unsafe (pages + position).move()
      if let refused = packet.addFragment(page, offset: 0, byteCount: byteCount) {
        refused.recycle()
      }
    }
    unsafe clinux_keep(packet.hardStart)
    if let frame = Frame(packet) { frame.recycle(.programDrop) }
    done &+= 1
  }
}
