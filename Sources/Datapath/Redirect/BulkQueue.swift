// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

/// Redirected frames on their way out of one port: sent 16 at a time, in order.
///
/// A view over the staged frames of a redirect burst; lives for one key of one burst.
///
/// Source: `struct xdp_dev_bulk_queue`, `kernel/bpf/devmap.c`; the kernel has one for each CPU and device, which lives
/// until the end of the poll.
@safe
struct BulkQueue {
  // Safe: the caller's reference outlives this value, and its count need not be touched for it.
  private let target: Unmanaged<PortReference>
  /// The ledger of whoever redirects.
  let tally: Tally

  /// Makes the queue of a port; `target` outlives it.
  init(to target: PortReference, tally: Tally) {
    unsafe self.target = Unmanaged.passUnretained(target)
    self.tally = tally
  }

  /// The frames sent together, `DEV_MAP_BULK_SIZE`.
  static let capacity = 16

  /// Adds a frame; sends when there are enough.
  ///
  /// Source: `bq_enqueue()`, `kernel/bpf/devmap.c`.
  @inline(__always)
  func enqueue(_ frame: consuming Frame, in frames: inout RedirectBurst) {
    frames.staged.append(frame)
    if frames.staged.count == BulkQueue.capacity { flush(&frames) }
  }

  /// Sends what there is; the frames that the port refuses are in `refused` afterwards, each with its reason.
  ///
  /// Source: `bq_xmit_all()`, `kernel/bpf/devmap.c`.
  func flush(_ frames: inout RedirectBurst) {
    guard !frames.staged.isEmpty else { return }
    let sent = unsafe target._withUnsafeGuaranteedRef { target in
      let sent = target.port.transmit(&frames.staged)
      target.redirectedIn.wrappingAdd(UInt64(sent), ordering: .relaxed)
      return sent
    }
    tally.add(sent, to: .redirect)
    if !frames.staged.isEmpty { refuse(&frames) }
  }

  private func refuse(_ frames: inout RedirectBurst) {
    let count = frames.staged.count
    unsafe target._withUnsafeGuaranteedRef {
      _ = $0.redirectedInErrors.wrappingAdd(UInt64(count), ordering: .relaxed)
    }
    for position in 0..<count {
      let descriptor = unsafe frames.staged.descriptors[position]
      let reason = BulkQueue.reason(DropReason(rawValue: descriptor.reason))
      descriptor.reason = reason.rawValue
      tally.drop(1, reason)
    }
    frames.staged.moveFrames(into: &frames.refused) { _ in true }
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
