// SPDX-License-Identifier: Apache-2.0

/// The exit codes of `cpumapd` and `cpumapctl`, which scripts and service managers rely on.
///
/// From 64 on they follow `<sysexits.h>`.
public enum ExitStatus: Int32, Sendable, CaseIterable {
  /// All went well.
  case ok = 0
  /// The daemon said no.
  case refused = 1
  /// A part of the datapath could not be set up.
  case setUpFailed = 2
  /// The ledger does not balance.
  case ledgerUnbalanced = 3
  /// The command line is wrong.
  case usage = 64
  /// An input file is not what it should be.
  case badInput = 65
  /// An input file is missing.
  case noInput = 66
  /// The daemon cannot be reached, or the kernel lacks what is needed.
  case unavailable = 69
  /// A fault of this program.
  case `internal` = 70
  /// A file cannot be written.
  case cannotWrite = 74
  /// A capability is missing; the message names it.
  case missingCapability = 77
  /// The configuration is wrong.
  case configuration = 78
}
