// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Glibc

/// `cpumapctl frames`: where every frame and every buffer is.
struct FramesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frames", abstract: "Show the ledger: where every frame and every buffer is.",
    discussion: """
      Counters of a running datapath are not read at one instant. With --check the ledger is \
      therefore read again, ten times at most, until it balances: frames on their way arrive, \
      lost ones do not.
      """)

  @OptionGroup var options: Options

  @Flag(help: "Exit with 3 when the ledger does not balance.")
  var check = false

  func run() throws {
    try options.ask { (client) throws(ClientError) in
      var report = try client.report().answer
      for _ in 1..<10 where check && report.unaccounted > 0 {
        usleep(50_000)
        report = try client.report().answer
      }
      options.show(report.ledgerJSON, report.ledgerText)
      return check && report.unaccounted > 0 ? .ledgerUnbalanced : .ok
    }
  }
}
