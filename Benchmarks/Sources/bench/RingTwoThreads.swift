// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPeers
import Rings

// The hand-over from a receive loop to a worker, without the frames: what two cores pay to pass cache lines.
//
//     CPU 1:  produce(burst) ──▶ SPSCRing, 1024 slots ──▶ consume(burst)  :CPU 0
//
// The clock runs on the consumer from the first slot to the last; it adds the slots up and checks the sum.
// The peer is the same ring, and the same two loops, in C.
func ringTwoThreads(_ runner: inout Runner) {
  for burst in [1, 8, 32, 64] {
    runner.compare(
      "ring.spsc.two-threads.burst\(burst)", unit: .nanoseconds, threads: 2,
      peers: [
        .c(notBelow: 0.8) { count, cpus in peer_spsc_two_threads(UInt32(burst), count, cpus[1]) }
      ]
        + runner.dpdk(notBelow: 0.8) { dpdk, count, cpus in
          dpdk.ringTwoThreads(UInt32(burst), count, cpus[1])
        }
    ) { count, cpus in twoThreads(burst: burst, count: count, producer: cpus[1]) }
  }
}

private func twoThreads(burst: Int, count: UInt64, producer cpu: UInt32) -> UInt64 {
  let memory = RingMemory()
  defer { memory.free() }
  let ring = memory.ring
  let producer = PinnedThread(on: cpu) { produce(to: ring, burst: burst, count: count) }
  let (elapsed, sum) = consume(from: ring, burst: burst, count: count)
  producer.join()
  return sum == count &* (count &- 1) / 2 ? elapsed : 0
}

@inline(never)
private func produce(to ring: SPSCRing, burst: Int, count: UInt64) {
  let slots = Slots()
  defer { slots.free() }
  var next: UInt64 = 0
  while next < count {
    if burst == 1 {
      while !ring.produce(next) { clinux_pause() }
      next &+= 1
      continue
    }
    for i in 0..<burst { unsafe slots.first[i] = next &+ UInt64(truncatingIfNeeded: i) }
    var done = 0
    while done < burst {
      let produced = unsafe ring.produce(slots.first + done, count: burst &- done)
      done &+= produced
      if produced == 0 { clinux_pause() }
    }
    next &+= UInt64(truncatingIfNeeded: burst)
  }
}

@inline(never)
private func consume(
  from ring: SPSCRing, burst: Int, count: UInt64
) -> (elapsed: UInt64, sum: UInt64) {
  let slots = Slots()
  defer { slots.free() }
  var (sum, seen, started) = (UInt64(0), UInt64(0), UInt64(0))
  while seen < count {
    let taken = take(from: ring, into: slots, burst: burst)
    if taken == 0 {
      clinux_pause()
      continue
    }
    if started == 0 { started = clinux_now() }
    for i in 0..<taken { unsafe sum &+= slots.first[i] }
    seen &+= UInt64(truncatingIfNeeded: taken)
  }
  return (clinux_now() - started, sum)
}

@inline(__always)
private func take(from ring: SPSCRing, into slots: Slots, burst: Int) -> Int {
  guard burst == 1 else { return unsafe ring.consume(into: slots.first, count: burst) }
  guard let slot = ring.consume() else { return 0 }
  unsafe slots.first[0] = slot
  return 1
}
