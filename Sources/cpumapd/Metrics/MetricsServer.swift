// SPDX-License-Identifier: Apache-2.0

import Control
import Synchronization
import Syscalls

/// Serves metrics from a thread of its own until it is stopped.
final class MetricsServer: Sendable {
  private let isStopping = Flag()
  private let thread = Mutex<Thread?>(nil)

  private final class Flag: Sendable {
    let value = Atomic(false)
  }

  /// Opens the address and begins to serve.
  ///
  /// - Parameters:
  ///   - address: Where.
  ///   - cpus: Where its thread runs; nil for anywhere.
  ///   - report: Reads the books; called on the server's thread.
  /// - Throws: ``SetUpError`` where somebody else answers there.
  init(
    _ address: ScrapeAddress, on cpus: CPUSet? = nil, report: @escaping @Sendable () -> Report
  ) throws(SetUpError) {
    do {
      let endpoint = Opened(try ScrapeEndpoint(address))
      let started = try Thread(name: "metrics", on: cpus) { [isStopping] in
        while !isStopping.value.load(ordering: .acquiring) {
          try? endpoint.endpoint.poll(timeout: .milliseconds(100)) { report().openMetrics }
        }
      }
      store(consume started)
    } catch {
      throw SetUpError("metrics \(address): \(error)")
    }
  }

  /// An endpoint on its way to the one thread that uses it.
  private struct Opened: @unchecked Sendable {
    // Safe: made here, used by the thread that it is handed to and by nobody else.
    let endpoint: ScrapeEndpoint
    init(_ endpoint: ScrapeEndpoint) { self.endpoint = endpoint }
  }

  private func store(_ started: consuming Thread) {
    var started = Optional(started)
    thread.withLock { $0 = started.take() }
  }

  /// Stops serving.
  func stop() {
    isStopping.value.store(true, ordering: .releasing)
    let running = thread.withLock { $0.take() }
    running?.join()
  }
}
