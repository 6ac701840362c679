// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Rings
internal import Synchronization
internal import XDPFrame

/// Empties one entry's queue: takes up to 64 frames, runs the entry's program, acts on the verdicts.
///
/// Lives on its own thread, pinned to the entry's CPU. Everything it needs is made before the first frame.
///
/// Source: `cpu_map_kthread_run()`, `kernel/bpf/cpumap.c`, which takes 8 at a time and hands PASS to the stack;
/// TX is an invalid verdict there and leads out of the receiving port here.
@safe
final class Worker {
  // Safe: `slots` is an allocation of this object, and `base` the arena's, which the entry keeps alive.
  private let entry: CPUMapEntry
  private let datapath: Datapath
  private let part: Quiescence.Part
  private let slots: UnsafeMutablePointer<UInt64>
  private let base: UnsafeMutableRawPointer
  private var burst = Burst()
  private var outcomes: Outcomes

  init(_ entry: CPUMapEntry, in datapath: Datapath) {
    self.entry = entry
    self.datapath = datapath
    part = datapath.quiescence.join()
    unsafe slots = .allocate(capacity: Limits.budget)
    unsafe base = entry.arenaBase
    outcomes = Outcomes(routes: datapath.routes, tally: entry.tally, owner: .worker)
  }

  deinit {
    datapath.quiescence.leave(part)
    unsafe slots.deallocate()
    WakeRing.closeCurrent()
  }

  /// Works until the entry is stopped and its queue is empty.
  func run() {
    var bed = Parking.Bed(entry.parking)
    while true {
      let isStopping = entry.isStopping.load(ordering: .acquiring)
      if drain() > 0 {
        bed.reset()
      } else if isStopping {
        return
      } else {
        bed.wait { !entry.ring.isEmpty || entry.isStopping.load(ordering: .acquiring) }
      }
    }
  }

  /// One burst, from the queue to its end.
  private func drain() -> Int {
    part.enter()
    defer { part.exit() }
    let count = unsafe entry.ring.consume(into: slots, count: Limits.budget)
    guard count > 0 else { return 0 }
    take(count)
    entry.tally.add(1, to: .bursts)
    entry.tally.add(count, to: .received)
    if burst.count > 0 {
      entry.program.run(&burst)
      outcomes.act(on: &burst, receivedBy: nil)
    }
    return count
  }

  /// Makes packets of slots, while the lines of those behind are being fetched.
  private func take(_ count: Int) {
    var position = 0
    while position < count {
      let slot = unsafe Slot(rawValue: slots[position])
      unsafe clinux_prefetch_write(base + Int(slot.index) &<< 6)
      position &+= 1
    }
    position = 0
    while position < count {
      let slot = unsafe Slot(rawValue: slots[position])
      position &+= 1
      guard let descriptor = unsafe slot.descriptor(base: base) else {
        countStale()
        continue
      }
      descriptor.setOwner(.worker, number: entry.key)
      unsafe clinux_prefetch(descriptor.data)
      burst.append(Frame(owning: descriptor))
    }
  }

  /// A slot whose buffer has gone home since: it is counted, and not followed.
  private func countStale() {
    entry.tally.add(1, to: .stale)
    entry.tally.drop(1, .invalidDescriptor)
  }
}
