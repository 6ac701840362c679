// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

/// The bulk queues of one redirect burst: one for each port that its frames leave by.
///
/// A queue is sent when it has 16 frames; what is left is sent at the end, the port that came first last.
///
/// Source: `bq_enqueue()`, `bq_xmit_all()` and `__dev_flush()`, `kernel/bpf/devmap.c`, whose queues are one for each CPU and
/// device, and whose list is flushed from its head, where the newest stands.
@safe
struct BulkQueues {
  // Safe: the lanes of the burst that the caller works on; the routes outlive the datapath's loops.
  private let lanes: UnsafeMutableRawPointer
  private let routes: Unmanaged<Routes>
  /// The ledger of whoever redirects.
  let tally: Tally
  /// The queues in use.
  private var count = 0

  init(_ frames: borrowing RedirectBurst, tally: Tally, routes: Unmanaged<Routes>) {
    unsafe lanes = frames.lanes
    unsafe self.routes = unsafe routes
    self.tally = tally
  }

  @inline(__always)
  private func queue(_ position: Int) -> BulkQueue {
    unsafe BulkQueue(lane: lanes + position &* RedirectBurst.laneByteCount)
  }

  /// Adds a frame to the queue of an entry's port; sends when there are enough.
  ///
  /// - Parameters:
  ///   - frame: The frame.
  ///   - entry: Lives as long as the caller's section.
  ///   - isCounted: Whether it counts as redirected once the port has it.
  ///   - frames: Where frames that the port refuses end up.
  @inline(__always)
  mutating func enqueue(
    _ frame: consuming Frame, to entry: DevMapEntry, isCounted: Bool,
    in frames: inout RedirectBurst
  ) {
    let entry = unsafe Unmanaged.passUnretained(entry)
    // Most often the frame before went there, too.
    var queue = queue(max(count &- 1, 0))
    if unsafe count == 0 || queue.entry.toOpaque() != entry.toOpaque()
      || queue.isCounted != isCounted
    {
      queue = unsafe find(entry, isCounted: isCounted, in: &frames)
    }
    if queue.append(frame) == BulkQueue.capacity { send(queue, in: &frames) }
  }

  /// The queue of an entry's port, ready for the entry's frames.
  @inline(never)
  private mutating func find(
    _ entry: Unmanaged<DevMapEntry>, isCounted: Bool, in frames: inout RedirectBurst
  ) -> BulkQueue {
    for position in 0..<count {
      let queue = queue(position)
      let leadsThere = unsafe entry._withUnsafeGuaranteedRef { entry in
        unsafe queue.entry._withUnsafeGuaranteedRef { $0.target === entry.target }
      }
      guard leadsThere else { continue }
      let isSame = unsafe queue.isCounted == isCounted && queue.sharesProgram(with: entry)
      if !isSame {
        send(queue, in: &frames)
        unsafe queue.begin(entry, isCounted: isCounted)
      }
      return queue
    }
    if count == RedirectBurst.laneCount { flush(&frames) }
    let queue = queue(count)
    unsafe queue.begin(entry, isCounted: isCounted)
    count &+= 1
    return queue
  }

  /// Sends what is in the queues.
  @inline(__always)
  mutating func flush(_ frames: inout RedirectBurst) {
    while count > 0 {
      count &-= 1
      send(queue(count), in: &frames)
    }
  }

  /// Sends a queue; the frames that the port refuses are in `refused` afterwards, each with its reason.
  @inline(never)
  private func send(_ queue: BulkQueue, in frames: inout RedirectBurst) {
    guard queue.count > 0 else { return }
    let isCounted = queue.isCounted
    queue.empty(into: &frames.staged)
    let target = unsafe queue.entry._withUnsafeGuaranteedRef { entry in
      if entry.hasProgram {
        unsafe entry.show(&frames, tally: tally, isCounted: isCounted, routes: routes)
      }
      // Safe: the entry keeps it.
      return unsafe Unmanaged.passUnretained(entry.target)
    }
    guard !frames.staged.isEmpty else { return }
    unsafe target._withUnsafeGuaranteedRef { target in
      let sent = target.port.transmit(&frames.staged)
      target.redirectedIn.wrappingAdd(UInt64(sent), ordering: .relaxed)
      if isCounted { tally.add(sent, to: .redirect) }
      if !frames.staged.isEmpty { refuse(&frames, of: target, isCounted: isCounted) }
    }
  }

  @inline(never)
  private func refuse(
    _ frames: inout RedirectBurst, of target: PortReference, isCounted: Bool
  ) {
    target.redirectedInErrors.wrappingAdd(UInt64(frames.staged.count), ordering: .relaxed)
    for position in 0..<frames.staged.count {
      let descriptor = unsafe frames.staged.descriptors[position]
      let reason = BulkQueues.reason(DropReason(rawValue: descriptor.reason))
      if isCounted { tally.drop(1, reason) }
      frames.refuse(Frame(owning: descriptor), reason)
    }
    frames.staged.removeFirst(frames.staged.count)
  }

  /// What a port's refusal is called when the frame came by a redirect.
  ///
  /// Source: `xdp_ok_fwd_dev()`, `include/linux/filter.h`, and `__xdp_enqueue()`, `kernel/bpf/devmap.c`.
  private static func reason(_ refusal: DropReason?) -> DropReason {
    switch refusal {
    case .mtu: .redirectMTU
    case .portGone: .redirectNoPort
    case let reason?: reason
    case nil: .transmitError
    }
  }
}

extension BulkQueue {
  /// Whether another entry's frames meet the same program, or none either.
  fileprivate func sharesProgram(with other: Unmanaged<DevMapEntry>) -> Bool {
    unsafe entry.toOpaque() == other.toOpaque()
      || other._withUnsafeGuaranteedRef { other in
        unsafe entry._withUnsafeGuaranteedRef { !$0.hasProgram && !other.hasProgram }
      }
  }
}
