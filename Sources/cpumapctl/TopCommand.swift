// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Glibc

/// `cpumapctl top`: what happens right now.
struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Show what happens right now.",
    discussion: """
      On a terminal a table that is drawn again and again, in colour unless NO_COLOR is set; into a \
      pipe a plain line for each interval. Control-C ends it.
      """)

  @OptionGroup var options: Options

  @Flag(help: "Show the tables once, over one interval.")
  var once = false

  @Option(name: [.short, .long], help: "Seconds between two looks.")
  var interval = 1.0

  func validate() throws {
    guard (0.1...60).contains(interval) else { throw ValidationError("--interval is 0.1 to 60") }
  }

  func run() throws {
    try options.ask { (client) throws(ClientError) in
      let terminal = Terminal.standardOutput
      var view = LiveView(
        title: "cpumapd \(client.hello.version)", isTerminal: terminal.isTerminal)
      view.see(try client.report().answer)
      repeat {
        usleep(UInt32(interval * 1e6))
        let (json, report) = try client.report()
        let text =
          options.json
          ? "\(json)\n"
          : once
            ? view.page(report, on: terminal.screen) : view.draw(report, on: terminal.screen)
        // Whoever has stopped reading wants no more.
        guard terminal.write(text) else { break }
      } while !once
      return .ok
    }
  }
}
