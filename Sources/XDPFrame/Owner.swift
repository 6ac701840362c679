// SPDX-License-Identifier: Apache-2.0

/// Who holds a buffer right now.
///
/// Every buffer of a pool has exactly one owner at any instant. The names are those of the ledger that operators read; never renumbered.
@frozen
public enum Owner: UInt8, CaseIterable, Sendable {
  /// Its pool, ready to be allocated.
  case free = 0
  /// The kernel, waiting to be filled with a received packet.
  case fill = 1
  /// Whoever allocated or received it: a receive loop, a program, an embedder.
  case receive = 2
  /// A worker, running an entry's program over it.
  case worker = 3
  /// The queue of a CPU-map entry.
  case ring = 4
  /// A port that is transmitting it.
  case transmit = 5
  /// The kernel has sent it and its port has not yet taken it back.
  case completion = 6
  /// A program or an embedder that keeps it past its burst.
  case held = 7
  /// A page that several users count.
  case shared = 8
  /// Nobody: taken out of service because something was wrong with it.
  case quarantine = 9

  /// The contract's name.
  public var name: String { String(describing: self) }
}
