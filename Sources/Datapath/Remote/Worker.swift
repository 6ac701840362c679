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
  // Safe: `slots` and `work` are allocations of this object, and `base` the arena's, which the entry keeps alive.
  private let entry: CPUMapEntry
  // Of the entry; reached without touching its reference count.
  private let key: UInt32
  private let ring: SPSCRing
  private let program: ProgramSlot
  private let tally: Tally
  private let datapath: Datapath
  private let part: Quiescence.Part
  private let slots: UnsafeMutablePointer<UInt64>
  private let base: UnsafeMutableRawPointer
  private let work: UnsafeMutablePointer<Work>

  init(_ entry: CPUMapEntry, in datapath: Datapath) {
    self.entry = entry
    key = entry.key
    ring = entry.ring
    program = entry.program
    tally = entry.tally
    self.datapath = datapath
    part = datapath.quiescence.join()
    unsafe slots = .allocate(capacity: Limits.budget)
    unsafe base = entry.arenaBase
    unsafe work = .allocate(capacity: 1)
    unsafe work.initialize(
      to: Work(routes: datapath.routes, tally: tally, receivedBy: nil))
  }

  deinit {
    datapath.quiescence.leave(part)
    unsafe slots.deallocate()
    unsafe work.deinitialize(count: 1)
    unsafe work.deallocate()
  }

  /// Works until the entry is stopped and its queue is empty.
  ///
  /// The phase is read before the queue: a worker told to stop sees everything that was queued before it was told.
  func run() {
    var bed = Parking.Bed(entry.parking)
    var stopwatch = Stopwatch(tally)
    while true {
      let phase = entry.currentPhase
      if phase != .held, drain(&stopwatch) > 0 {
        bed.reset()
      } else if phase == .stopping {
        return
      } else {
        stopwatch.rest()
        bed.wait { entry.hasWork }
      }
    }
  }

  /// One burst, for a worker that has no thread.
  func poll() -> Int {
    var stopwatch = Stopwatch(tally)
    return drain(&stopwatch)
  }

  /// One burst, from the queue to its end.
  private func drain(_ stopwatch: inout Stopwatch) -> Int {
    let count = unsafe ring.consume(into: slots, count: Limits.budget)
    guard count > 0 else { return 0 }
    stopwatch.begin()
    defer { stopwatch.lap() }
    let work = unsafe work
    unsafe take(count, into: &work.pointee.burst)
    tally.add(1, to: .bursts)
    tally.add(count, to: .received)
    guard unsafe work.pointee.burst.count > 0 else { return count }
    // What others may exchange is only looked at between these two; see ``Quiescence``.
    part.enter()
    let decided = unsafe program.run(&work.pointee.burst)
    unsafe work.pointee.outcomes.act(on: &work.pointee.burst, decided: decided)
    part.exit()
    return count
  }

  /// Makes packets of slots, while the lines of those behind are being fetched.
  private func take(_ count: Int, into burst: inout Burst) {
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
      guard let descriptor = unsafe slot.descriptor(base: base),
        descriptor.isOwned(by: .ring, number: key)
      else {
        countStale()
        continue
      }
      descriptor.setOwner(.worker, number: key)
      unsafe clinux_prefetch(descriptor.data)
      burst.append(Frame(owning: descriptor))
    }
  }

  /// A slot whose buffer has gone home since, or is in somebody else's hands: it is counted, and not followed.
  @inline(never)
  private func countStale() {
    tally.add(1, to: .stale)
    tally.drop(1, .invalidDescriptor)
  }
}
