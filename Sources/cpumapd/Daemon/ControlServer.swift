// SPDX-License-Identifier: Apache-2.0

import Control
import Synchronization
import Syscalls

/// Answers on the control socket, from a thread of its own, until it is stopped.
final class ControlServer: Sendable {
  private let isStopping = Atomic(false)
  private let thread = Mutex<Thread?>(nil)

  /// The methods that it knows; none changes anything.
  private static let methods: Set<String> = ["status", "stats", "frames"]

  /// Opens the socket and begins to answer.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - status: Reads the books; called on the server's thread.
  /// - Throws: ``SetUpError`` where somebody else answers there.
  init(path: String, status: @escaping @Sendable () -> Status) throws(SetUpError) {
    do {
      let endpoint = Opened(
        try Endpoint(
          Endpoint.Options(
            path: path, version: Release.version, readOnlyMethods: ControlServer.methods)))
      let started = try Thread(name: "control") { [isStopping = Stop(self)] in
        while !isStopping.isSet {
          _ = try? endpoint.endpoint.poll(timeout: .milliseconds(100)) { request in
            guard ControlServer.methods.contains(request.method) else {
              return .failure(.noMethod(request.method))
            }
            return .success(request.method == "status" ? status().json : status().report.json)
          }
        }
      }
      store(consume started)
    } catch {
      throw SetUpError("control socket \(path): \(error)")
    }
  }

  /// An endpoint on its way to the one thread that uses it.
  private struct Opened: @unchecked Sendable {
    // Safe: made here, used by the thread that it is handed to and by nobody else.
    let endpoint: Endpoint
    init(_ endpoint: Endpoint) { self.endpoint = endpoint }
  }

  /// The server's flag, without the server.
  private struct Stop: Sendable {
    private unowned let server: ControlServer
    init(_ server: ControlServer) { self.server = server }
    var isSet: Bool { server.isStopping.load(ordering: .acquiring) }
  }

  private func store(_ started: consuming Thread) {
    var started = Optional(started)
    thread.withLock { $0 = started.take() }
  }

  /// Stops answering and removes the socket.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    let running = thread.withLock { $0.take() }
    running?.join()
  }
}
