// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

/// A program on the transmit side of a TAP: it sees what the kernel transmits by the interface when that is dequeued,
/// before whoever reads the port.
///
/// What it passes goes on to the reader. What it drops ends here. TX puts a packet back into the kernel's receive path,
/// as if the reader had answered with it. A redirect is refused: it would lead to whom the packet was for.
///
/// Source: Jason Wang, "XDP offload with virtio-net", which ran such programs in `tun_recvmsg()`; never merged.
struct DequeueFilter: ~Copyable, @unchecked Sendable {
  // Safe to send: whoever holds the lock uses all of it, and keeps nothing.
  private let program: any Program & Sendable
  private var passed = FrameBulk()
  private var returned = FrameBulk()
  private var ended = FrameBulk()

  init(_ program: any Program & Sendable) {
    self.program = program
  }

  /// Runs the program and leaves in the burst what it passed.
  ///
  /// - Parameters:
  ///   - burst: Just received.
  ///   - tally: Where packets that end here are counted, as received and as what became of them.
  ///   - transmit: Puts frames back into the kernel's receive path; those that it leaves were refused.
  mutating func run(
    on burst: inout Burst, tally: Tally, _ transmit: (inout FrameBulk) -> Int
  ) {
    // A packet that the program forgets is aborted.
    burst.setAll(.aborted)
    program.run(&burst)
    for position in 0..<burst.count { sort(&burst, position, tally) }
    burst.removeAll()
    for position in 0..<passed.count {
      burst.append(Frame(owning: unsafe passed.descriptors[position]))
    }
    passed.removeFirst(passed.count)
    if !returned.isEmpty { giveBack(tally, transmit) }
    if !ended.isEmpty { ended.recycle() }
  }

  private mutating func sort(_ burst: inout Burst, _ position: Int, _ tally: Tally) {
    switch unsafe burst.verdicts[position] {
    case .pass:
      passed.append(burst.takeAnyway(at: position))
    case .transmit:
      if let frame = burst.takeFrame(at: position) {
        returned.append(frame)
      } else {
        end(burst.takeHome(at: position), .tailroom, tally)
      }
    case .drop: end(burst.takeHome(at: position), .programDrop, tally)
    case .redirect: end(burst.takeHome(at: position), .redirectDenied, tally)
    case .aborted:
      tally.add(1, to: .received)
      tally.add(1, to: .aborted)
      ended.append(burst.takeHome(at: position))
    default: end(burst.takeHome(at: position), .badVerdict, tally)
    }
  }

  private mutating func end(_ frame: consuming Frame, _ reason: DropReason, _ tally: Tally) {
    tally.dropReceived(reason)
    frame.descriptor.reason = reason.rawValue
    ended.append(frame)
  }

  private mutating func giveBack(_ tally: Tally, _ transmit: (inout FrameBulk) -> Int) {
    tally.add(returned.count, to: .received)
    tally.add(transmit(&returned), to: .transmit)
    for position in 0..<returned.count {
      let reason = DropReason(rawValue: unsafe returned.descriptors[position].reason)
      tally.drop(1, reason ?? .transmitError)
    }
    returned.recycle()
  }
}
