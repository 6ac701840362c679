// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

extension DevMap {
  /// Sends a frame to every entry, or to all but those of the port that it arrived by: copies, and the last entry gets
  /// the frame itself.
  ///
  /// The frame counts as redirected, and what becomes of it and its copies is in the books of the ports. One that no
  /// entry is for is dropped as `no_entry`; one with fragments cannot be copied, and one for whose copy there is no
  /// memory ends there, when entries before have got theirs.
  ///
  /// Source: `dev_map_enqueue_multi()` and `dev_map_enqueue_clone()`, `kernel/bpf/devmap.c`. The kernel also leaves out
  /// interfaces stacked upon the one that it arrived by, and those that are down or whose MTU is too small; here such
  /// a port refuses its copy itself.
  @inline(never)
  func broadcast(
    _ frame: consuming Frame, _ flags: RedirectFlags, through queues: inout BulkQueues,
    in frames: inout RedirectBurst
  ) {
    if frame.hasFragments {
      return refuse(frame, .redirectNoFragments, queues.tally, in: &frames)
    }
    let excluded = flags.contains(.excludeIngress) ? frame.queue.port : nil
    var last: DevMapEntry?
    for key in 0..<capacity {
      guard let entry = entries[key], entry.target.port.number != excluded else { continue }
      if let last {
        guard let copy = copy(of: frame) else {
          return refuse(frame, .poolEmpty, queues.tally, in: &frames)
        }
        queues.enqueue(copy, to: last, isCounted: false, in: &frames)
      }
      last = entry
    }
    guard let last else { return refuse(frame, .noEntry, queues.tally, in: &frames) }
    queues.tally.add(1, to: .redirect)
    queues.enqueue(frame, to: last, isCounted: false, in: &frames)
  }

  private func copy(of frame: borrowing Frame) -> Frame? {
    guard let storage = copies.withLock({ $0?.allocate() }) else {
      unsafe routes._withUnsafeGuaranteedRef { $0.warnOnceAboutCopies() }
      return nil
    }
    return frame.copy(into: storage)
  }

  private func refuse(
    _ frame: consuming Frame, _ reason: DropReason, _ tally: Tally, in frames: inout RedirectBurst
  ) {
    tally.drop(1, reason)
    frames.refuse(frame, reason)
  }
}
