// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

@testable import Control

@Suite struct EndpointTests {
  let path = temporaryPath()

  @Test func theHelloIsThatOfTheProtocol() throws {
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    try endpoint.settle()
    #expect(
      peer.lines() == [
        #"{"hello":"cpumapd","version":"1.2.3","api":1,"pid":\#(getpid()),"#
          + #""max_line":1048576,"access":"rw"}"#
      ])
  }

  @Test(arguments: [
    (
      #"{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":[1]}}"#,
      #"{"jsonrpc":"2.0","id":1,"result":{"a":[1]}}"#
    ),
    (
      #"{"jsonrpc":"2.0","id":"x","method":"echo"}"#, #"{"jsonrpc":"2.0","id":"x","result":{}}"#
    ),
    (
      #" {"method":"echo","id":1.5,"params":[],"jsonrpc":"2.0"} \#r"#,
      #"{"jsonrpc":"2.0","id":1.5,"result":[]}"#
    ),
    (
      #"{"jsonrpc":"2.0","id":null,"method":"echo"}"#, #"{"jsonrpc":"2.0","id":null,"result":{}}"#
    ),
    (
      #"{"jsonrpc":"2.0","id":2,"method":"fail"}"#,
      #"{"jsonrpc":"2.0","id":2,"error":{"code":2103,"message":"no","data":{"fix":"do"}}}"#
    ),
    (
      "{",
      #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"#
        + #""the line is not JSON: the text ends too early (octet 1)"}}"#
    ),
    (
      "[]",
      #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"#
        + #""a request must be an object, one a line"}}"#
    ),
    (
      #"{"jsonrpc":"2.0","id":[1],"method":"echo"}"#,
      #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"#
        + #""id must be a string or a number"}}"#
    ),
    (
      #"{"jsonrpc":"1.0","id":3,"method":"echo"}"#,
      #"{"jsonrpc":"2.0","id":3,"error":{"code":-32600,"message":"jsonrpc must be \"2.0\""}}"#
    ),
    (
      #"{"jsonrpc":"2.0","id":4,"method":5}"#,
      #"{"jsonrpc":"2.0","id":4,"error":{"code":-32600,"message":"method must be a string"}}"#
    ),
    (
      #"{"jsonrpc":"2.0","id":5,"method":"echo","params":7}"#,
      #"{"jsonrpc":"2.0","id":5,"error":{"code":-32600,"message":"#
        + #""params must be an object or a list"}}"#
    ),
    (
      #"{"jsonrpc":"2.0","id":6,"method":"huge"}"#,
      #"{"jsonrpc":"2.0","id":6,"error":{"code":-32603,"message":"#
        + #""the answer is longer than max_line"}}"#
    ),
  ])
  func everyLineHasItsAnswer(line: String, answer: String) throws {
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    peer.send(line + "\n")
    try endpoint.settle { request in
      switch request.method {
      case "fail": .failure(ControlError(code: 2103, message: "no", fix: "do"))
      case "huge": .success(.string(String(repeating: "x", count: 1 << 20)))
      default: .success(request.parameters)
      }
    }
    #expect(peer.lines().dropFirst() == [answer])
    #expect(!peer.isClosed)
  }

  @Test func notificationsAreHandledAndNotAnswered() throws {
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    peer.send(#"{"jsonrpc":"2.0","method":"note"}"# + "\n")
    var methods: [String] = []
    try endpoint.settle { request in
      methods.append(request.method)
      return .failure(.internalFault("nobody reads this"))
    }
    #expect(methods == ["note"])
    #expect(peer.lines().count == 1)
  }

  @Test func aRequestMayArriveOctetByOctetAndManyAtOnce() throws {
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    for octet in #"{"jsonrpc":"2.0","id":0,"method":"m"}"#.utf8 + [UInt8(ascii: "\n")] {
      peer.send([octet])
      try endpoint.settle()
    }
    peer.send((1..<100).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"m"}"# + "\n" }.joined())
    #expect(try endpoint.settle() == 99)
    let answers = peer.lines().dropFirst()
    #expect(answers == (0..<100).map { #"{"jsonrpc":"2.0","id":\#($0),"result":{}}"# }[...])
  }

  @Test func aPeerThatHasSaidAllIsAnsweredAndLetGo() throws {
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    peer.send(
      #"{"jsonrpc":"2.0","id":1,"method":"m"}"# + "\n" + #"{"jsonrpc":"2.0","id":2,"method":"m"}"#)
    peer.closeInput()
    #expect(try endpoint.settle() == 2)
    #expect(peer.lines().count == 3)
    #expect(peer.isClosed)
    #expect(endpoint.connectionCount == 0)
  }

  @Test func whatAPeerAskedForBeforeItVanishedIsDone() throws {
    let endpoint = try Endpoint.temporary(path)
    do {
      let peer = try Peer(path)
      peer.send(
        String(repeating: #"{"jsonrpc":"2.0","id":1,"method":"m"}"# + "\n", count: 50))
    }
    #expect(try endpoint.settle() == 50)
    #expect(endpoint.connectionCount == 0)
  }

  @Test func aLineOverTheLimitEndsTheConnectionWithAnExplanation() throws {
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    let flood = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
    var sent = 0
    while sent < 4 << 20, endpoint.connectionCount > 0 || sent == 0 {
      sent += peer.send(flood)
      try endpoint.settle()
    }
    #expect(sent <= (1 << 20) + (512 << 10))
    let lines = peer.lines()
    #expect(
      lines.dropFirst() == [
        #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"#
          + #""a line is longer than max_line"}}"#
      ])
    #expect(peer.isClosed)
  }

  @Test func theLongestLineIsTaken() throws {
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    let frame = #"{"jsonrpc":"2.0","id":1,"method":"m","params":[""]}"#
    let filler = String(repeating: "x", count: (1 << 20) - frame.utf8.count)
    var rest = Array(
      (#"{"jsonrpc":"2.0","id":1,"method":"m","params":[""# + filler + "\"]}\n").utf8)[...]
    var received = 0
    while !rest.isEmpty {
      rest = rest.dropFirst(peer.send(Array(rest)))
      try endpoint.settle { request in
        received += 1
        return .success(true)
      }
    }
    #expect(received == 1)
    #expect(peer.lines().last == #"{"jsonrpc":"2.0","id":1,"result":true}"#)
  }

  @Test func aPeerThatDoesNotReadHurtsOnlyItself() throws {
    let endpoint = try Endpoint.temporary(path)
    let slow = try Peer(path)
    let other = try Peer(path)
    let answer = JSON.string(String(repeating: "a", count: 32 << 10))
    var answered = 0
    var sent = 0
    // The slow one asks until the kernel takes no more: then the endpoint has stopped reading.
    while true {
      let line = #"{"jsonrpc":"2.0","id":\#(sent),"method":"m"}"# + "\n"
      let count = slow.send(line)
      try endpoint.settle { _ in
        answered += 1
        return .success(answer)
      }
      if count < line.utf8.count {
        // What was cut off is sent below, once there is room.
        try finish(line.utf8.dropFirst(count), of: slow, endpoint, answer, after: sent)
        break
      }
      sent += 1
    }
    #expect(answered < sent)
    #expect(answered * (32 << 10) < 4 * Connection.outputMark)
    other.send(#"{"jsonrpc":"2.0","id":9,"method":"m"}"# + "\n")
    try endpoint.settle()
    #expect(other.lines().last == #"{"jsonrpc":"2.0","id":9,"result":{}}"#)
  }

  /// Lets the slow peer read at last: every answer comes, once and in order.
  private func finish(
    _ rest: some Sequence<UInt8>, of slow: Peer, _ endpoint: Endpoint, _ answer: JSON,
    after sent: Int
  ) throws {
    var rest = Array(rest)
    var ids: [JSON?] = []
    var idle = 0
    while ids.count < sent + 1, idle < 100 {
      let lines = slow.lines().filter { !$0.hasPrefix(#"{"hello""#) }
      for line in lines { ids.append(try JSON(parsing: line)["id"]) }
      rest.removeFirst(slow.send(rest))
      try endpoint.settle { _ in .success(answer) }
      idle = lines.isEmpty ? idle + 1 : 0
    }
    #expect(ids == (0...sent).map { JSON.integer($0) })
  }

  @Test func thereAreAtMostSixtyFourPeers() throws {
    let endpoint = try Endpoint.temporary(path)
    var peers: [Peer] = []
    for _ in 0..<64 {
      peers.append(try Peer(path))
      try endpoint.settle()
    }
    #expect(endpoint.connectionCount == 64)
    let extra = try Peer(path)
    try endpoint.settle()
    #expect(
      extra.lines() == [
        #"{"jsonrpc":"2.0","id":null,"error":{"code":1002,"message":"too many connections","#
          + #""data":{"fix":"close one, or try again"}}}"#
      ])
    #expect(extra.isClosed)
    peers.removeLast()
    try endpoint.settle()
    let next = try Peer(path)
    try endpoint.settle()
    #expect(next.lines().first?.hasPrefix(#"{"hello":"#) == true)
    for (index, peer) in peers.enumerated() {
      peer.send(#"{"jsonrpc":"2.0","id":\#(index),"method":"m"}"# + "\n")
    }
    #expect(try endpoint.settle() == 63)
    for (index, peer) in peers.enumerated() {
      #expect(peer.lines().last == #"{"jsonrpc":"2.0","id":\#(index),"result":{}}"#)
    }
  }

  @Test func randomOctetsLeaveTheOthersUntouched() throws {
    let endpoint = try Endpoint.temporary(path)
    let good = try Peer(path)
    var generator = SeededGenerator(seed: 5)
    for round in 0..<500 {
      do {
        let bad = try Peer(path)
        let octets =
          round.isMultiple(of: 2)
          ? generator.octets(upTo: 4000)
          : (0..<4000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        bad.send(octets)
        if Bool.random(using: &generator) { bad.closeInput() }
        try endpoint.settle()
        // Whatever is answered is well-formed.
        for line in bad.lines() { #expect(throws: Never.self) { try JSON(parsing: line) } }
      }
      good.send(#"{"jsonrpc":"2.0","id":\#(round),"method":"m"}"# + "\n")
      try endpoint.settle()
      #expect(good.lines().last == #"{"jsonrpc":"2.0","id":\#(round),"result":{}}"#)
    }
    #expect(endpoint.connectionCount == 1)
  }
}

@Suite struct SocketFileTests {
  let path = temporaryPath()

  @Test(arguments: [0o600, 0o660, 0o666] as [UInt32])
  func theFileHasItsPermissionsAndGoesWithTheEndpoint(permissions: UInt32) throws {
    do {
      let endpoint = try Endpoint.temporary(path, permissions: permissions)
      var status = stat()
      // Safe: the kernel fills the local structure.
      #expect(unsafe lstat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == permissions)
      _ = endpoint
    }
    #expect(unsafe access(path, F_OK) != 0)
  }

  @Test func aSocketThatADeadDaemonLeftIsReplaced() throws {
    do {
      let dead = try Socket(.unix, .stream)
      try dead.bind(path: path, permissions: 0o600)
    }
    #expect(unsafe access(path, F_OK) == 0)
    let endpoint = try Endpoint.temporary(path)
    let peer = try Peer(path)
    try endpoint.settle()
    #expect(peer.lines().count == 1)
  }

  @Test func aSocketThatSomebodyAnswersIsLeftAlone() throws {
    let endpoint = try Endpoint.temporary(path)
    let error = #expect(throws: SystemCallError.self) { try Endpoint.temporary(path) }
    #expect(error?.errno == .addressInUse)
    let peer = try Peer(path)
    try endpoint.settle()
    #expect(peer.lines().count == 1)
  }

  @Test func aFileThatIsNoSocketIsLeftAlone() throws {
    _ = try FileDescriptor(opening: path, O_CREAT | O_WRONLY)
    defer { _ = unsafe unlink(path) }
    let error = #expect(throws: SystemCallError.self) { try Endpoint.temporary(path) }
    #expect(error?.errno == .addressInUse)
    #expect(unsafe access(path, F_OK) == 0)
  }

  @Test func aSuccessorsFileIsNotRemoved() throws {
    do {
      let first = try Endpoint.temporary(path)
      // Safe: the path is copied by the kernel.
      #expect(unsafe unlink(path) == 0)
      let second = try Socket(.unix, .stream)
      try second.bind(path: path, permissions: 0o600)
      _ = first
    }
    #expect(unsafe access(path, F_OK) == 0)
    _ = unsafe unlink(path)
  }

  @Test func aPathThatDoesNotFitIsRefused() throws {
    // A file of the name that stands before the zero below; it must not matter.
    let first = try Endpoint.temporary(path)
    for (refused, errno) in [
      ("/tmp/" + String(repeating: "x", count: 103), Errno.fileNameTooLong), ("", .invalidArgument),
      ("\(path)\0b", .invalidArgument), ("/nonexistent/socket", .noSuchFileOrDirectory),
    ] {
      let error = #expect(throws: SystemCallError.self) { try Endpoint.temporary(refused) }
      #expect(error?.errno == errno)
    }
    _ = first
  }
}
