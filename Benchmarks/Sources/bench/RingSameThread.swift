// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPeers
import Rings

// The cost of the ring's instructions alone: every index and slot stays in one core's first cache.
//
//     CPU 0:  produce(burst) ──▶ SPSCRing, 1024 slots ──▶ consume(burst)
//
// A slot counts once for both. The peer is the same ring in C.
func ringSameThread(_ runner: inout Runner) {
  for (burst, lowest) in [(1, 0.85), (8, 0.8), (32, 0.65), (64, 0.55)] {
    runner.compare(
      "ring.spsc.same-thread.burst\(burst)", unit: .nanoseconds,
      peers: [
        .c(notBelow: lowest) { count, _ in peer_spsc_same_thread(UInt32(burst), count) }
      ]
        + runner.dpdk(notBelow: 0.8) { dpdk, count, _ in
          dpdk.ringSameThread(UInt32(burst), count)
        }
    ) { count, _ in sameThread(burst: burst, count: count) }
  }
}

private func sameThread(burst: Int, count: UInt64) -> UInt64 {
  let memory = RingMemory()
  defer { memory.free() }
  let started = clinux_now()
  if burst == 1 {
    oneByOne(memory.ring, count: count)
  } else {
    inBursts(memory.ring, burst: burst, count: count)
  }
  return clinux_now() - started
}

@inline(never)
private func oneByOne(_ ring: SPSCRing, count: UInt64) {
  var taken: UInt64 = 0
  var next: UInt64 = 0
  while next < count {
    _ = ring.produce(next)
    if let slot = ring.consume() { taken = slot }
    unsafe clinux_keep(&taken)
    next &+= 1
  }
}

@inline(never)
private func inBursts(_ ring: SPSCRing, burst: Int, count: UInt64) {
  let slots = Slots()
  defer { slots.free() }
  var next: UInt64 = 0
  while next < count {
    _ = unsafe ring.produce(slots.first, count: burst)
    _ = unsafe ring.consume(into: slots.first, count: burst)
    unsafe clinux_keep(slots.first)
    next &+= UInt64(truncatingIfNeeded: burst)
  }
}
