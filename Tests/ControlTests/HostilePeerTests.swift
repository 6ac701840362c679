// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization
import Syscalls
import Testing

@testable import Control

/// Peers that take and give nothing, or too much.
@Suite(.timeLimit(.minutes(3))) struct HostilePeerTests {
  let path = temporaryPath()

  private static let short = Endpoint.TimeLimits(
    request: .milliseconds(40), answer: .milliseconds(40), silence: .milliseconds(40))

  @Test(arguments: ["", #"{"jsonrpc":"2.0","#, #"{"jsonrpc":"2.0","id":1,"method":"m"}"# + "\n"])
  func aPeerThatFallsSilentIsLetGo(said: String) throws {
    let endpoint = try Endpoint.temporary(path, timeLimits: Self.short)
    let peer = try Peer(path)
    peer.send(said)
    let lines = try untilClosed(peer, endpoint)
    #expect(lines.last?.contains(#""code":1003"#) == true)
    #expect(lines.count == (said.hasSuffix("\n") ? 3 : 2))
    #expect(endpoint.connectionCount == 0)
  }

  @Test func aLineThatTricklesInHasNoMoreTimeThanOneThatDoesNot() throws {
    let endpoint = try Endpoint.temporary(path, timeLimits: Self.short)
    let peer = try Peer(path)
    let lines = try untilClosed(peer, endpoint) { peer.send("x") }
    #expect(lines.count == 2)
    #expect(lines.last?.contains(#""code":1003"#) == true)
  }

  @Test func aPeerThatTakesNoAnswersIsLetGo() throws {
    let endpoint = try Endpoint.temporary(
      path,
      timeLimits: Endpoint.TimeLimits(
        request: .seconds(600), answer: .milliseconds(40), silence: .seconds(600)))
    let peer = try Peer(path)
    let answer = JSON.string(String(repeating: "a", count: 100_000))
    while endpoint.connectionCount == 0 { try endpoint.poll(timeout: .zero) { _ in nil } }
    while endpoint.connectionCount == 1 {
      peer.send(#"{"jsonrpc":"2.0","id":1,"method":"m"}"# + "\n")
      try endpoint.poll(timeout: .milliseconds(1)) { _ in .success(answer) }
    }
    _ = peer.lines()
    #expect(peer.isClosed)
  }

  private func untilClosed(
    _ peer: Peer, _ endpoint: Endpoint, meanwhile: () -> Void = {}
  ) throws -> [String] {
    var lines: [String] = []
    while !peer.isClosed {
      try endpoint.poll(timeout: .milliseconds(5)) { .success($0.parameters) }
      lines += peer.lines()
      meanwhile()
    }
    return lines
  }

  @Test func whoWaitsForALateAnswerDelaysNobody() throws {
    let endpoint = try Endpoint.temporary(path, timeLimits: Self.short)
    let patient = try Peer(path)
    let other = try Peer(path)
    var tickets: [Ticket] = []
    func settle() throws {
      try endpoint.settle { request in
        guard request.method == "late" else { return .success(request.parameters) }
        tickets.append(request.ticket)
        return nil
      }
    }
    patient.send(
      #"{"jsonrpc":"2.0","id":1,"method":"late"}"# + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"m"}"# + "\n")
    other.send(#"{"jsonrpc":"2.0","id":3,"method":"m"}"# + "\n")
    try settle()
    #expect(patient.lines().count == 1)
    #expect(other.lines().last == #"{"jsonrpc":"2.0","id":3,"result":{}}"#)
    // Its time does not run while it is we who take long.
    usleep(100_000)
    try settle()
    #expect(endpoint.connectionCount == 1)
    endpoint.answers.send(.success(7), to: try #require(tickets.first))
    try settle()
    #expect(
      patient.lines() == [
        #"{"jsonrpc":"2.0","id":1,"result":7}"#, #"{"jsonrpc":"2.0","id":2,"result":{}}"#,
      ])
  }

  @Test func aLateAnswerToNobodyIsDropped() throws {
    let endpoint = try Endpoint.temporary(path)
    var ticket: Ticket?
    do {
      let peer = try Peer(path)
      peer.send(#"{"jsonrpc":"2.0","id":1,"method":"late"}"# + "\n")
      try endpoint.settle { request in
        ticket = request.ticket
        return nil
      }
    }
    try endpoint.settle()
    endpoint.answers.send(.success(7), to: try #require(ticket))
    try endpoint.settle()
    #expect(endpoint.connectionCount == 0)
  }

  @Test(.enabled(if: geteuid() == 0, "only root can become another user"))
  func theLastTwoPlacesAreRoots() throws {
    let endpoint = try Endpoint.temporary(path, permissions: 0o666)
    var others: [Peer] = []
    for _ in 0..<63 {
      others.append(try asNobody { try Peer(path) })
      try endpoint.settle()
    }
    #expect(endpoint.connectionCount == 62)
    #expect(others.last?.lines().first?.contains("too many connections") == true)
    let root = try (0..<3).map { _ in
      let peer = try Peer(path)
      try endpoint.settle()
      return peer
    }
    #expect(endpoint.connectionCount == 64)
    #expect(root.map { $0.lines().first?.contains("hello") } == [true, true, false])
  }

  /// Does something as another user, on a thread that nobody uses afterwards.
  private func asNobody(_ body: @escaping @Sendable () throws -> Peer) throws -> Peer {
    let made = Mutex<Handed?>(nil)
    let thread = try Thread(name: "nobody") {
      guard clinux_set_thread_user(65_534) == 0, let peer = try? body() else { return }
      made.withLock { $0 = Handed(peer) }
    }
    thread.join()
    return try #require(made.withLock { $0 }).peer
  }

  private final class Handed: @unchecked Sendable {
    // Safe: made by one thread, taken over by another that has waited for its end.
    let peer: Peer
    init(_ peer: Peer) { self.peer = peer }
  }

  @Test func aThousandPeersHalfOfThemHostileLeaveNothingBehind() throws {
    let limit = Duration.milliseconds(200)
    let server = try RunningEndpoint(
      timeLimits: Endpoint.TimeLimits(request: limit, answer: limit, silence: limit))
    let path = server.path
    let answered = RunningEndpoint.Flag()
    let ended = RunningEndpoint.Flag()
    do {
      let threads = try (0..<8).map { number in
        JoinedThread(
          try Thread(name: "peers") {
            if number.isMultiple(of: 2) {
              for call in 0..<125 {
                if ask(path, call) { answered.value.add(1, ordering: .relaxed) }
              }
            } else {
              ended.value.add(annoy(path, kind: number / 2), ordering: .relaxed)
            }
          })
      }
      _ = threads
    }
    #expect(answered.value.load(ordering: .relaxed) == 500)
    #expect(ended.value.load(ordering: .relaxed) == 500)
    // What the kernel still knows under this path: the socket that listens, and nobody else.
    var sockets = 0
    repeat {
      let table = try #require(TextFile.contents("/proc/net/unix"))
      sockets = table.split(separator: "\n").count { $0.hasSuffix(" \(path)") }
    } while sockets != 1
  }
}

/// Asks one question as a client does that comes back when all places are taken.
private func ask(_ path: String, _ call: Int) -> Bool {
  while true {
    do throws(ClientError) {
      var client = try Client(path: path, timeout: .seconds(60))
      let value: JSON = ["call": .integer(call)]
      return try client.call("echo", value) == value
    } catch {
      // No place, or so slow a machine that the time for a request was over.
      usleep(2_000)
    }
  }
}

/// Connects 125 times, 25 at a time, to no good end; returns how many were let go.
private func annoy(_ path: String, kind: Int) -> Int {
  var ended = 0
  for _ in 0..<5 {
    var peers: [Peer] = []
    while peers.count < 25 {
      // The listener's own queue may be full, which is the kernel's way of saying the same.
      guard let peer = try? Peer(path) else { usleep(1_000); continue }
      peers.append(peer)
    }
    while !peers.isEmpty {
      for peer in peers { misbehave(peer, kind) }
      if kind != 3 { for peer in peers { _ = peer.lines() } }
      // A flood that is not read sees its end when it is pushed back.
      let left = peers.filter { kind == 3 ? !$0.isGone : !$0.isClosed }
      ended += peers.count - left.count
      peers = left
      usleep(5_000)
    }
  }
  return ended
}

private func misbehave(_ peer: Peer, _ kind: Int) {
  switch kind {
  case 0: break
  case 1: peer.send([UInt8](repeating: UInt8(ascii: "x"), count: 256 << 10))
  case 2: peer.send(#"{"jsonrpc":"2.0","id":1,"#)
  default:
    peer.send(String(repeating: #"{"jsonrpc":"2.0","id":1,"method":"m"}"# + "\n", count: 500))
  }
}

/// A thread in an array, which cannot hold the thread itself.
private final class JoinedThread {
  let thread: Thread
  init(_ thread: consuming Thread) { self.thread = thread }
}
