// SPDX-License-Identifier: Apache-2.0

import Control
import Ports
import ServiceLifecycle
import Syscalls

/// The show: builds its stage, runs the datapath on it for a while, and closes the books.
struct DemoShow: Service {
  let stage: DemoStage
  let scenario: DemoScenario
  let seconds: Double
  let rate: Int
  let terminal: Terminal
  let last = LastReport()

  func run() async throws {
    terminal.write(stage.sentence + "\n\n")
    let text = DemoConfiguration.text(scenario, on: stage)
    if case .memory = stage {
      try await show(text, network: nil)
    } else {
      try await show(text, network: try build())
    }
  }

  private func build() throws(SetUpError) -> DemoNetwork {
    do {
      return try DemoNetwork()
    } catch {
      throw SetUpError("the demo's network: \(error)")
    }
  }

  private func show(_ text: String, network: DemoNetwork?) async throws {
    let configuration: Configuration
    do {
      configuration = try Configuration.parse(text, fileName: "demo.yaml", machine: .current)
        .configuration
    } catch {
      throw SetUpError(error.text)
    }
    let terminal = terminal
    let wiring = try Wiring(configuration, in: network?.daemon) {
      terminal.write("note: \($0)\n")
    }
    let traffic: DemoTraffic
    do {
      traffic = DemoTraffic(
        try end(of: wiring, network), byteCounts: scenario.byteCounts, rate: rate)
      try wiring.start()
      try traffic.start()
    } catch {
      wiring.stop()
      throw error
    }
    let started = MonotonicClock.now
    await watch(wiring, traffic, since: started)
    traffic.stopSending()
    settle(wiring)
    wiring.halt()
    // What was sent last is still on the cable. A port in memory is closed when nobody takes out any more.
    Thread.sleep(for: .milliseconds(100))
    traffic.stopReceiving()
    wiring.close()
    let report = wiring.report(
      seconds: Double(MonotonicClock.now - started) / 1e9, isQuiet: true)
    close(report, traffic)
  }

  /// Where the sender stands: at the far end of the cable, or outside the port in memory.
  private func end(of wiring: Wiring, _ network: DemoNetwork?) throws -> any DemoEnd {
    if let network { return try CableEnd(network) }
    guard let port = wiring.ports.first?.port as? MemoryPort else {
      throw SetUpError("the demo's port is not in memory")
    }
    return MemoryEnd(port)
  }

  /// Shows the table until the time is up, or somebody asks for the end.
  private func watch(_ wiring: Wiring, _ traffic: DemoTraffic, since started: UInt64) async {
    await cancelWhenGracefulShutdown {
      var view = LiveView(
        title: "cpumapd demo \(scenario.rawValue)", isTerminal: terminal.isTerminal)
      let period = terminal.isTerminal ? 0.25 : 1.0
      while !Task.isCancelled {
        let passed = Double(MonotonicClock.now - started) / 1e9
        guard passed < seconds else { return }
        try? await Task.sleep(for: .seconds(min(period, seconds - passed)))
        let now = Double(MonotonicClock.now - started) / 1e9
        terminal.write(
          view.draw(wiring.report(seconds: now, isQuiet: false), on: terminal.screen))
      }
    }
  }

  /// Waits until what was sent has been seen, by the daemon or by the kernel that dropped it.
  private func settle(_ wiring: Wiring) {
    var previous: UInt64 = .max
    for _ in 0..<20 {
      let report = wiring.report(seconds: 0, isQuiet: false)
      let seen = report.ports.reduce(0) { $0 + $1.rx + $1.rxKernelDropped }
      if seen == previous { return }
      previous = seen
      Thread.sleep(for: .milliseconds(50))
    }
  }

  /// The last words: the books, and where every frame went.
  private func close(_ report: Report, _ traffic: DemoTraffic) {
    last.keep(report)
    terminal.write("\n" + report.statisticsText + "\n")
    let received = report.ports.reduce(0) { $0 + $1.rx }
    let kernel = report.ports.reduce(0) { $0 + $1.rxKernelDropped }
    terminal.write(
      "  sent \(traffic.sentCount) = received \(received) + dropped by the kernel \(kernel)\n")
    let returned = traffic.returned
    terminal.write("  came back \(returned.intact) whole, \(returned.damaged) damaged\n")
  }
}
