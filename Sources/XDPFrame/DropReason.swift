// SPDX-License-Identifier: Apache-2.0

/// Why a packet went no further.
///
/// The list is closed and never renumbered; operators see the raw names.
@frozen
public enum DropReason: UInt16, CaseIterable, Sendable {
  /// The program said so.
  case programDrop = 0
  /// The program answered ABORTED.
  case programAborted = 1
  /// The program faulted.
  case programFault = 2
  /// The program used up its instructions.
  case programBudget = 3
  /// The program answered with a number that is no verdict.
  case badVerdict = 4
  /// The map has no entry at that key.
  case noEntry = 5
  /// The entry's queue was full.
  case ringFull = 6
  /// One flow held more than its share of a queue.
  case flowLimit = 7
  /// An entry or tenant used up its quota.
  case quota = 8
  /// The pool had no buffer.
  case poolEmpty = 9
  /// The kernel found no buffer to fill.
  case receiveFillEmpty = 10
  /// The kernel, or whoever shares a ring, passed a descriptor that makes no sense.
  case invalidDescriptor = 11
  /// The packet has more than 17 fragments, or has some and meets a program that accepts none.
  case tooManyFragments = 12
  /// The packet is shorter than it claims.
  case truncated = 13
  /// The redirect names no port.
  case redirectNoPort = 14
  /// The packet is longer than the target's MTU allows.
  case redirectMTU = 15
  /// The target cannot send fragments.
  case redirectNoFragments = 16
  /// The packet was redirected too often.
  case redirectLoop = 17
  /// The redirect is not allowed.
  case redirectDenied = 18
  /// The port's transmit queue was full.
  case transmitFull = 19
  /// The port failed to send.
  case transmitError = 20
  /// The verdict is PASS and nothing says where that leads.
  case passUnconfigured = 21
  /// The port that PASS leads to was full.
  case passFull = 22
  /// The port was down.
  case portDown = 23
  /// The port no longer exists.
  case portGone = 24
  /// The packet is longer than the port's MTU.
  case mtu = 25
  /// There is no room behind the packet.
  case tailroom = 26
  /// The configuration forbids it.
  case policy = 27
  /// The worker that held it died.
  case workerCrash = 28
  /// It killed a worker twice.
  case poison = 29
  /// The datapath was stopping.
  case shutdown = 30

  /// The stable name, as metrics and the control socket show it.
  public var name: String { DropReason.names[Int(rawValue)] }

  private static let names = [
    "prog_drop", "prog_aborted", "prog_fault", "prog_budget", "bad_verdict", "no_entry",
    "ring_full", "flow_limit", "quota", "pool_empty", "rx_fill_empty", "invalid_desc",
    "too_many_frags", "truncated", "redirect_no_port", "redirect_mtu", "redirect_no_sg",
    "redirect_loop", "redirect_denied", "tx_full", "tx_error", "pass_unconfigured", "pass_full",
    "port_down", "port_gone", "mtu", "tailroom", "policy", "worker_crash", "poison", "shutdown",
  ]
}
