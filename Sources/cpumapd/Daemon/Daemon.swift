// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Logging
import ServiceLifecycle
import Syscalls

/// The running daemon: a wired datapath, its control socket, and an orderly end.
struct Daemon: Service {
  let wiring: Wiring
  let controlPath: String
  let configurationPath: String
  let logger: Logger
  let started = MonotonicClock.now
  /// Where the last report goes.
  let finish: @Sendable (Report) -> Void

  /// Runs until a signal asks it to stop; then everything ends in order and the books are closed.
  func run() async throws {
    let methods = ControlMethods(
      wiring, configurationPath: configurationPath,
      note: { [logger] in
        logger.notice("changed", metadata: ["generation": "\($1)", "what": "\($0)"])
      },
      status: { [self] in status })
    let control = try ControlServer(path: controlPath, methods: methods)
    defer { control.stop() }
    try wiring.start()
    logger.info("ready", metadata: ["ports": "\(wiring.ports.count)", "control": "\(controlPath)"])
    try? await gracefulShutdown()
    logger.info("stopping")
    wiring.stop()
    finish(wiring.report(seconds: seconds, isQuiet: true))
  }

  private var status: Status {
    Status(
      process: Int(getpid()), uptimeSeconds: seconds, configuration: configurationPath,
      report: wiring.report(seconds: seconds, isQuiet: false))
  }

  private var seconds: Double { Double(MonotonicClock.now - started) / 1e9 }
}
