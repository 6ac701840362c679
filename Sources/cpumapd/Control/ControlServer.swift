// SPDX-License-Identifier: Apache-2.0

import CLinux
import Control
import Synchronization
import Syscalls

/// Answers on the control socket until it is stopped.
///
/// Two threads: one talks to the peers and reads the books, the other makes the changes, one after the other. So a
/// change that waits for a queue to empty keeps nobody from looking on.
final class ControlServer: Sendable {
  private let isStopping = Atomic(false)
  private let threads = Mutex<Threads>(Threads())
  private let changes: ChangeQueue

  private struct Threads: ~Copyable {
    var talking: Thread?
    var changing: Thread?
  }

  /// The group whose members may change things, if the machine has it.
  static let groupName = "cpumapd"

  /// Opens the socket and begins to answer.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - methods: What to answer.
  ///   - cpus: Where its threads run; nil for anywhere.
  /// - Throws: ``SetUpError`` where somebody else answers there.
  init(path: String, methods: ControlMethods, on cpus: CPUSet? = nil) throws(SetUpError) {
    do {
      let changes = try ChangeQueue()
      self.changes = changes
      var options = Endpoint.Options(
        path: path, version: Release.version, readOnlyMethods: Set(methods.queries.keys))
      // Everybody may look; who may change is decided by the kernel's word on who connected.
      options.permissions = 0o666
      options.group = Group.number(of: ControlServer.groupName)
      let endpoint = Opened(try Endpoint(options))
      let answers = endpoint.endpoint.answers
      let stop = Stop(self)
      let talking = try Thread(name: "control", on: cpus) {
        while !stop.isSet {
          _ = try? endpoint.endpoint.poll(timeout: .milliseconds(100)) { request in
            if let query = methods.queries[request.method] { return query(request.parameters) }
            guard methods.changes[request.method] != nil else {
              return .failure(.noMethod(request.method))
            }
            changes.add(request)
            return nil
          }
          methods.tick()
        }
      }
      let changing = try Thread(name: "change", on: cpus) {
        while let request = changes.next() {
          guard let change = methods.changes[request.method] else { continue }
          answers.send(change(request.parameters), to: request.ticket)
        }
      }
      store(consume talking, consume changing)
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

  private func store(_ talking: consuming Thread, _ changing: consuming Thread) {
    var talking = Optional(talking)
    var changing = Optional(changing)
    threads.withLock {
      $0.talking = talking.take()
      $0.changing = changing.take()
    }
  }

  /// Makes the changes that were asked for, then stops answering and removes the socket.
  func stop() {
    changes.close()
    let changing = threads.withLock { $0.changing.take() }
    changing?.join()
    isStopping.store(true, ordering: .releasing)
    let talking = threads.withLock { $0.talking.take() }
    talking?.join()
  }
}
