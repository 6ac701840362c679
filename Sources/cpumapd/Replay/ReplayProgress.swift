// SPDX-License-Identifier: Apache-2.0

import Control
import Syscalls

/// How far a replay is, on one line of a terminal; nothing where there is none.
struct ReplayProgress {
  /// How far it is.
  struct State {
    let packets: UInt64
    /// Octets of the capture that were read.
    let offset: UInt64
    /// Octets of the capture; nil for a pipe.
    let byteCount: UInt64?

    /// Such as `45%  123456 packets`.
    var text: String {
      guard let byteCount, byteCount > 0 else { return "\(packets) packets" }
      return "\(100 * min(offset, byteCount) / byteCount)%  \(packets) packets"
    }
  }

  private let terminal: Terminal?
  private var shown: UInt64 = 0

  init(_ terminal: Terminal) { self.terminal = terminal.isTerminal ? terminal : nil }

  /// Shows the state, ten times a second at most.
  mutating func show(_ state: State) {
    guard let terminal, MonotonicClock.now - shown > 100_000_000 else { return }
    shown = MonotonicClock.now
    terminal.write("\r\u{1b}[2K" + terminal.screen.line(state.text))
  }

  /// Makes room for what comes next.
  func end() {
    if let terminal, shown > 0 { terminal.write("\r\u{1b}[2K") }
  }
}
