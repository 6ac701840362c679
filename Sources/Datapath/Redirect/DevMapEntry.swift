// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

/// One entry of a device map: a port, and what decides about frames on their way there.
///
/// The program runs on the CPU that redirects, before the port sees the frames. Several may redirect at once, and
/// programs are called by one thread at a time, so they take turns.
///
/// Source: `struct bpf_dtab_netdev`, `kernel/bpf/devmap.c`.
final class DevMapEntry: Sendable {
  let target: PortReference
  let hasProgram: Bool
  private let program: InstalledProgram?
  private let turn = Mutex<Void>(())

  init(_ target: PortReference, program: InstalledProgram?) {
    self.target = target
    self.program = program
    hasProgram = program != nil
  }

  /// Shows the staged frames to the program and keeps those that it passes; the others are refused.
  ///
  /// TX and REDIRECT are no verdicts here.
  ///
  /// - Parameters:
  ///   - frames: Those staged.
  ///   - tally: The ledger of whoever redirects.
  ///   - isCounted: Whether the frames are in that ledger; otherwise they are in the port's.
  ///   - routes: Who warns.
  ///
  /// Source: `dev_map_bpf_prog_run()`, `kernel/bpf/devmap.c`.
  @inline(never)
  func show(
    _ frames: inout RedirectBurst, tally: Tally, isCounted: Bool, routes: Unmanaged<Routes>
  ) {
    let port = target.port.number
    for position in 0..<frames.staged.count {
      frames.leaving.append(Frame(owning: unsafe frames.staged.descriptors[position]))
      frames.leaving[position].egressPort = port
    }
    frames.staged.removeFirst(frames.staged.count)
    let decided = turn.withLock { _ in program?.run(&frames.leaving) ?? 0 }
    for position in 0..<frames.leaving.count {
      let verdict = unsafe frames.leaving.verdicts[position]
      let reason = position < decided ? DevMapEntry.reason(verdict) : .tooManyFragments
      if reason == nil, let frame = frames.leaving.takeFrame(at: position) {
        frames.staged.append(frame)
        continue
      }
      if reason == .badVerdict {
        unsafe routes._withUnsafeGuaranteedRef { $0.warnOnce(about: verdict) }
      }
      count(reason ?? .tailroom, in: tally, isCounted: isCounted)
      frames.refuse(frames.leaving.takeHome(at: position), reason ?? .tailroom)
    }
    frames.leaving.removeAll()
  }

  /// Why a frame goes no further; nil for one that is passed.
  private static func reason(_ verdict: Verdict) -> DropReason? {
    switch verdict {
    case .pass: nil
    case .drop: .programDrop
    case .aborted: .programAborted
    default: .badVerdict
    }
  }

  private func count(_ reason: DropReason, in tally: Tally, isCounted: Bool) {
    if !isCounted {
      target.redirectedInErrors.wrappingAdd(1, ordering: .relaxed)
    } else if reason == .programAborted {
      tally.add(1, to: .aborted)
    } else {
      tally.drop(1, reason)
    }
  }
}
