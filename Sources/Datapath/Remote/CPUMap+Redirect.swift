// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

extension CPUMap {
  /// Queues each frame at its entry, in order, one flush for each entry.
  ///
  /// Source: `cpu_map_enqueue()` and `__cpu_map_flush()`, `kernel/bpf/cpumap.c`. The kernel flushes after 8 frames and
  /// wakes at the end of the poll, so a queue shorter than a poll overflows there as here.
  public func redirect(_ frames: inout RedirectBurst, tally: Tally) {
    var missed = 0
    while frames.count > missed {
      let key = unsafe frames.targets[missed].key
      let hasEntry: Void? = entries.reader.with(Int(key)) { entry in
        take(key, from: &frames, behind: missed)
        // A frame that meets a full queue has left its port's ledger for the entry's.
        tally.add(frames.scratchCount, to: .redirect)
        entry.enqueueScratch(of: &frames)
      }
      if hasEntry == nil { missed = frames.keepMissed(key, behind: missed) }
    }
  }

  /// Moves the slots of the frames for one key into the scratch, and closes the gaps.
  ///
  /// The frames belong to the entry's queue from here on: a buffer changes hands before anybody can find it there.
  @inline(__always)
  private func take(_ key: UInt32, from frames: inout RedirectBurst, behind first: Int) {
    let descriptors = unsafe frames.descriptors
    let targets = unsafe frames.targets
    let scratch = unsafe frames.scratch
    let count = frames.count
    var taken = 0
    var left = first
    var position = first
    while position < count {
      let descriptor = unsafe descriptors[position]
      if unsafe targets[position].key == key {
        descriptor.setOwner(.ring, number: key)
        unsafe scratch[taken] = Slot(descriptor).rawValue
        taken &+= 1
      } else {
        unsafe descriptors[left] = descriptor
        unsafe targets[left] = targets[position]
        left &+= 1
      }
      position &+= 1
    }
    frames.truncate(to: left)
    frames.scratchCount = taken
  }
}

extension CPUMapEntry {
  /// Queues the slots in the scratch, in order, and wakes the worker if it sleeps; those without room are in
  /// `refused` afterwards.
  ///
  /// Source: `bq_flush_to_queue()`, `kernel/bpf/cpumap.c`.
  @inline(__always)
  func enqueueScratch(of frames: inout RedirectBurst) {
    let count = frames.scratchCount
    let taken = unsafe enqueue(frames.scratch, count: count)
    if taken < count { refuse(&frames, from: taken) }
  }

  @inline(never)
  private func refuse(_ frames: inout RedirectBurst, from first: Int) {
    let base = unsafe arenaBase
    for position in first..<frames.scratchCount {
      let slot = unsafe Slot(rawValue: frames.scratch[position])
      let descriptor = unsafe Descriptor(base: base, index: slot.index)
      descriptor.owner = .receive
      descriptor.reason = DropReason.ringFull.rawValue
      frames.refused.append(Frame(owning: descriptor))
    }
  }
}
