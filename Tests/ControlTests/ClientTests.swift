// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization
import Syscalls
import Testing

@testable import Control

@Suite struct ClientTests {
  @Test func aClientKnowsWhoItTalksTo() throws {
    let server = try RunningEndpoint()
    let client = try Client(path: server.path)
    #expect(client.hello.name == "cpumapd")
    #expect(client.hello.version == "1.2.3")
    #expect(client.hello.process == Int(getpid()))
    #expect(client.hello.access == .readWrite)
  }

  @Test func resultsAndRefusalsComeBack() throws {
    let server = try RunningEndpoint { request in
      request.method == "no"
        ? .failure(ControlError(code: 2, message: "not today", fix: "wait"))
        : .success(request.parameters)
    }
    var client = try Client(path: server.path)
    #expect(try client.call("echo", ["x": 1]) == ["x": 1])
    let no = ClientError.refused(ControlError(code: 2, message: "not today", fix: "wait"))
    #expect(refusal(&client) == no)
    #expect(no.status == .refused)
    #expect("\(no)" == "error[CPM-2]: not today\n  fix: wait")
    #expect(try client.call("echo") == [:])
  }

  private func refusal(_ client: inout Client) -> ClientError? {
    do throws(ClientError) {
      _ = try client.call("no")
      return nil
    } catch {
      return error
    }
  }

  @Test func aLongAnswerArrivesWhole() throws {
    let text = JSON.string(String(repeating: "é", count: 500_000))
    let server = try RunningEndpoint { _ in .success(text) }
    var client = try Client(path: server.path)
    for _ in 0..<5 { #expect(try client.call("m") == text) }
  }

  @Test func manyClientsAtOnceGetTheirOwnAnswers() throws {
    let server = try RunningEndpoint()
    let path = server.path
    let right = RunningEndpoint.Flag()
    do {
      let threads = try (0..<16).map { number in
        JoinedThread(
          try Thread(name: "client") {
            guard var client = try? Client(path: path) else { return }
            for call in 0..<100 {
              let value: JSON = ["who": .integer(number), "call": .integer(call)]
              guard (try? client.call("echo", value)) == value else { return }
              right.value.add(1, ordering: .relaxed)
            }
          })
      }
      _ = threads
    }
    #expect(right.value.load(ordering: .relaxed) == 1600)
  }

  @Test func nobodyThereIsToldApartFromNoAnswer() throws {
    let path = temporaryPath()
    #expect(failure(path) == .unreachable(path: path, .noSuchFileOrDirectory))
    let mute = try Socket(.unix, .stream)
    try mute.bind(path: path, permissions: 0o600)
    defer { _ = unsafe unlink(path) }
    #expect(failure(path) == .unreachable(path: path, .connectionRefused))
    try mute.listen(backlog: 8)
    #expect(failure(path) == .timedOut)
    #expect(ClientError.timedOut.status == .unavailable)
  }

  private func failure(_ path: String) -> ClientError? {
    do throws(ClientError) {
      _ = try Client(path: path, timeout: .milliseconds(50))
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    ("", ClientError.closed),
    ("nonsense\n", .garbled("this character cannot stand here (octet 1)")),
    ("{}\n", .garbled("hello is not a string")), ("{\"hello\":", .closed),
    (
      #"{"hello":"x","version":"1","api":2,"pid":1,"max_line":1,"access":"rw"}"# + "\n",
      .incompatible(api: 2)
    ),
    (
      #"{"jsonrpc":"2.0","id":null,"error":{"code":1002,"message":"m"}}"# + "\n",
      .refused(ControlError(code: 1002, message: "m"))
    ),
    (#"{"error":7}"# + "\n", .garbled("error.code is not a whole number")),
  ])
  func strangeServersAreSeenThrough(greeting: String, error: ClientError) throws {
    let path = temporaryPath()
    let listener = try Socket(.unix, .stream)
    try listener.bind(path: path, permissions: 0o600)
    defer { _ = unsafe unlink(path) }
    try listener.listen(backlog: 1)
    let raw = listener.raw
    let thread = try Thread(name: "strange") {
      while true {
        let accepted = clinux_accept(raw, 0)
        guard accepted >= 0 else { sched_yield(); continue }
        let socket = Socket(owning: FileDescriptor(owning: accepted))
        // Safe: the buffer lives for the duration of the call.
        _ = unsafe Array(greeting.utf8).withUnsafeBytes { unsafe try? socket.send($0) }
        return
      }
    }
    #expect(failure(path) == error)
    thread.join()
  }

  @Test(.enabled(if: geteuid() == 0, "only root can become another user"))
  func otherUsersMayOnlyLook() throws {
    let server = try RunningEndpoint(permissions: 0o666)
    let path = server.path
    let outcome = Mutex<[String]>([])
    let thread = try Thread(name: "nobody") {
      guard clinux_set_thread_user(65_534) == 0, var client = try? Client(path: path) else {
        return
      }
      let answers = ["look", "change"].map { method in
        do throws(ClientError) {
          return "\(try client.call(method))"
        } catch {
          return "\(error)"
        }
      }
      outcome.withLock { $0 = [client.hello.access.rawValue] + answers }
    }
    thread.join()
    #expect(
      outcome.withLock { $0 } == [
        "ro", "{}",
        "error[CPM-1001]: this user may only read\n"
          + "  fix: run as root, as the daemon's user or in its group",
      ])
  }
}

/// A thread in an array, which cannot hold the thread itself.
private final class JoinedThread {
  let thread: Thread
  init(_ thread: consuming Thread) { self.thread = thread }
}
