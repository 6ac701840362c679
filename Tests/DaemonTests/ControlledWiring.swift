// SPDX-License-Identifier: Apache-2.0

import Control
import Datapath
import Glibc
import Ports
import Synchronization
import Syscalls
import Testing
import XDPFrame

@testable import cpumapd

/// A datapath as the daemon wires it, its control socket, and a sink that checks what comes out of it.
final class ControlledWiring {
  let wiring: Wiring
  let sink: SinkPort
  let file: String
  private let server: ControlServer
  let path: String

  /// What the generator makes, and the sink expects.
  static func plan(count: Int) -> GeneratorPort.Plan {
    GeneratorPort.Plan(flowCount: 48, byteCounts: [64, 200], rate: 40_000, limit: count)
  }

  /// Wires a generator of `count` frames to entries that pass them to a sink.
  init(
    _ entries: String, programs: String = "a: {kind: swift, type: Pass}", steering: String = "",
    count: Int = 1
  ) throws {
    let number = controlledCounter.add(1, ordering: .relaxed).newValue
    path = "/tmp/controlled-\(getpid())-\(number).sock"
    file = "/tmp/controlled-\(getpid())-\(number).yaml"
    try ControlledWiring.write(
      ControlledWiring.text(entries, programs: programs, steering: steering, count: count), to: file
    )
    let configuration = try Configuration.load(file, machine: nil).configuration
    wiring = try Wiring(configuration) { _ in }
    sink = try SinkPort(
      name: "sink", registry: wiring.datapath.registry, plan: ControlledWiring.plan(count: count))
    wiring.datapath.add(sink)
    wiring.datapath.setPassPort(sink)
    let wiring = wiring
    let methods = ControlMethods(
      wiring, configurationPath: file, machine: .current, note: { (_, _) in },
      status: {
        Status(
          process: 1, uptimeSeconds: 1, configuration: nil,
          report: wiring.report(seconds: 1, isQuiet: false))
      })
    server = try ControlServer(path: path, methods: methods)
  }

  static func text(
    _ entries: String, programs: String = "a: {kind: swift, type: Pass}", steering: String = "",
    count: Int = 1
  ) -> String {
    """
    version: 1
    memory: {model: page-pool, frames: 8192}
    ports:
      - {name: gen, kind: generator, flows: 48, sizes: [64, 200], rate: 40000, count: \(count)}
      - {name: out, kind: memory}
    programs: {\(programs)}
    entries: [\(entries)]
    \(steering.isEmpty ? "" : "steering: {entries: [\(steering)]}")

    """
  }

  static func write(_ text: String, to path: String) throws {
    let file = try FileDescriptor(opening: path, O_CREAT | O_TRUNC | O_WRONLY)
    // Safe: the buffer lives for the duration of the call.
    _ = try unsafe Array(text.utf8).withUnsafeBytes { try unsafe file.write($0) }
  }

  /// Calls a method over the socket.
  func call(_ method: String, _ parameters: JSON = [:]) throws(ClientError) -> JSON {
    var client = try Client(path: path, timeout: .seconds(60))
    return try client.call(method, parameters)
  }

  /// Makes a change over the socket.
  @discardableResult
  func change(_ method: String, _ parameters: JSON = [:]) throws -> ChangeResult {
    try ChangeResult(json: try call(method, parameters))
  }

  /// Makes a change; nil where the daemon says no.
  func changeUnlessRefused(_ method: String, _ parameters: JSON) throws -> ChangeResult? {
    do throws(ClientError) {
      let json = try call(method, parameters)
      return try? ChangeResult(json: json)
    } catch {
      guard case .refused = error else { throw error }
      return nil
    }
  }

  /// What the daemon says no with; nil if it does not.
  func refusal(_ method: String, _ parameters: JSON) -> ControlError? {
    do throws(ClientError) {
      _ = try call(method, parameters)
    } catch {
      if case .refused(let refusal) = error { return refusal }
    }
    return nil
  }

  /// The books over the socket.
  func report() throws -> Report { try Report(json: try call("stats")) }

  /// Ends the socket, then the datapath, and answers with the last books.
  func stop() -> Report {
    server.stop()
    wiring.stop()
    return wiring.report(seconds: 1, isQuiet: true)
  }

  // Safe: the kernel copies the path.
  deinit { _ = unsafe unlink(file) }
}

private let controlledCounter = Atomic<Int>(0)
