// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Logging
import ServiceLifecycle
import Synchronization
import Syscalls
import UnixSignals

/// The running daemon: a wired datapath, its control socket, its metrics, and an orderly end.
struct Daemon: Service {
  let wiring: Wiring
  let controlPath: String
  let configurationPath: String
  /// The CPUs that this process may use.
  let machine: Machine
  let logger: Logger
  let started = MonotonicClock.now
  /// Where the last report goes.
  let finish: @Sendable (Report) -> Void
  private let manager = ServiceManager()
  private let balance = BalanceMeter()
  private let pulse = Pulse()

  init(
    wiring: Wiring, controlPath: String, configurationPath: String, machine: Machine,
    logger: Logger,
    finish: @escaping @Sendable (Report) -> Void
  ) {
    self.wiring = wiring
    self.controlPath = controlPath
    self.configurationPath = configurationPath
    self.machine = machine
    self.logger = logger
    self.finish = finish
  }

  /// Runs until a signal asks it to stop; then everything ends in order and the books are closed.
  func run() async throws {
    let methods = methods
    // From now on this signal ends nobody.
    let hangUps = await UnixSignalsSequence(trapping: .sighup)
    let metrics = try wiring.configuration.daemon.metrics.map { address throws(SetUpError) in
      try MetricsServer(address, on: housekeeping) { report }
    }
    defer { metrics?.stop() }
    let control = try ControlServer(path: controlPath, methods: methods, on: housekeeping)
    defer { control.stop() }
    try wiring.start()
    logger.info("ready", metadata: ["ports": "\(wiring.ports.count)", "control": "\(controlPath)"])
    manager.ready()
    manager.status(summary)
    await untilShutdown(methods, hangUps)
    logger.info("stopping")
    manager.stopping()
    // A change that came now would add to what is being taken down.
    control.stop()
    wiring.stop()
    finish(wiring.report(seconds: seconds, isQuiet: true))
  }

  /// Where the threads run that carry no frames.
  private var housekeeping: CPUSet { CPUSet(wiring.configuration.daemon.housekeepingCPUs) }

  private var methods: ControlMethods {
    ControlMethods(
      wiring, configurationPath: configurationPath, machine: machine,
      note: { [logger] in
        logger.notice("changed", metadata: ["generation": "\($1)", "what": "\($0)"])
      },
      status: { [self] in
        Status(
          process: Int(getpid()), uptimeSeconds: seconds, configuration: configurationPath,
          report: report)
      },
      tick: { [self] in tick() })
  }

  /// Waits for the signal to stop; the one to reload does what `cpumapctl reload` does.
  private func untilShutdown(_ methods: ControlMethods, _ hangUps: UnixSignalsSequence) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in hangUps { reload(methods) } }
      try? await gracefulShutdown()
      group.cancelAll()
    }
  }

  private func reload(_ methods: ControlMethods) {
    manager.reloading()
    if case .failure(let error)? = methods.changes["reload"]?([:]) {
      logger.error("not reloaded", metadata: ["why": "\(error.message)"])
    }
    manager.ready()
  }

  // MARK: - What others look at

  private var report: Report {
    var report = wiring.report(seconds: seconds, isQuiet: false)
    report.balance = balance.ratio
    report.processes = [.current]
    return report
  }

  private var seconds: Double { Double(MonotonicClock.now - started) / 1e9 }

  /// Ten times a second on the control socket's thread, so that the watchdog barks when that one hangs.
  private func tick() {
    balance.measure(wiring.report(seconds: 0, isQuiet: false).entries)
    if let period = manager.watchdogPeriod, pulse.watchdog.isDue(every: period) { manager.alive() }
    if pulse.status.isDue(every: 10_000_000_000) { manager.status(summary) }
  }

  private var summary: String {
    let report = wiring.report(seconds: seconds, isQuiet: false)
    let frames = report.ports.reduce(0) { $0 + $1.rx }
    return "generation \(report.generation ?? 0), \(report.entries.count) entries, "
      + "\(Figure.short(Double(frames))) frames received, unaccounted \(report.unaccounted)"
  }

  /// What is done now and then.
  private final class Pulse: Sendable {
    let watchdog = Beat()
    let status = Beat()
  }

  private final class Beat: Sendable {
    private let last = Atomic<UInt64>(0)

    /// Whether the time has come again; used by one thread.
    func isDue(every period: UInt64) -> Bool {
      let now = MonotonicClock.now
      guard now &- last.load(ordering: .relaxed) >= period else { return false }
      last.store(now, ordering: .relaxed)
      return true
    }
  }
}
