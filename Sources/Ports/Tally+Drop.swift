// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

extension Tally {
  /// Counts a packet that a port received and had to drop itself.
  func dropReceived(_ reason: DropReason) {
    add(1, to: .received)
    drop(1, reason)
  }
}
