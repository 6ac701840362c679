// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Syscalls
import Testing

@testable import Control

@Suite(.timeLimit(.minutes(2))) struct ScrapeEndpointTests {
  let path = temporaryPath()

  /// Sends some octets and takes all that comes back.
  private func fetch(
    _ endpoint: ScrapeEndpoint, _ request: String, text: String = "x 1\n"
  ) throws
    -> String
  {
    let socket = try Socket(.unix, .stream)
    try socket.connect(path: path)
    // Safe: the buffers live for the duration of the calls.
    _ = try unsafe Array(request.utf8).withUnsafeBytes { try unsafe socket.send($0) }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      try endpoint.poll(timeout: .milliseconds(5)) { text }
      guard
        let count = try unsafe chunk.withUnsafeMutableBytes({ try unsafe socket.receive(into: $0) })
      else { continue }
      if count == 0 { break }
      answer += chunk[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
  }

  @Test(arguments: ["GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\n\n"])
  func whoAsksGetsTheText(request: String) throws {
    let endpoint = try ScrapeEndpoint(.unix(path))
    #expect(
      try fetch(endpoint, request) == """
        HTTP/1.1 200 OK\r
        Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r
        Content-Length: 4\r
        Connection: close\r
        \r
        x 1

        """)
    #expect(endpoint.connectionCount == 0)
  }

  @Test(arguments: [
    ("HEAD /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
    ("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 "),
    ("GET /etc/passwd HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "), ("nonsense\r\n\r\n", "HTTP/1.1 400 "),
    ("GET / " + String(repeating: "x", count: 9_000), "HTTP/1.1 431 "),
  ])
  func otherRequestsAreToldWhatIsWrong(request: String, answer: String) throws {
    let endpoint = try ScrapeEndpoint(.unix(path))
    let reply = try fetch(endpoint, request)
    #expect(reply.hasPrefix(answer), "\(reply)")
    #expect(!reply.hasSuffix("x 1\n"))
  }

  @Test func aLongTextArrivesWhole() throws {
    let endpoint = try ScrapeEndpoint(.unix(path))
    let text = String(repeating: "a 1\n", count: 500_000)
    #expect(try fetch(endpoint, "GET / HTTP/1.1\r\n\r\n", text: text).hasSuffix("\r\n\r\n\(text)"))
  }

  @Test func silentPeersAreLetGoAndOthersServed() throws {
    let endpoint = try ScrapeEndpoint(.unix(path), patience: .milliseconds(100))
    let silent = try (0..<16).map { _ in
      let peer = try Peer(path)
      peer.send("GET /")
      try endpoint.poll(timeout: .milliseconds(1)) { "" }
      return peer
    }
    // All places are taken: this one waits until they are not.
    #expect(try fetch(endpoint, "GET / HTTP/1.1\r\n\r\n").hasSuffix("x 1\n"))
    _ = silent.map { $0.lines() }
    #expect(silent.allSatisfy { $0.isClosed })
  }

  @Test(arguments: [true, false])
  func portsAreOfThisMachineOnly(isIPv6: Bool) throws {
    let (port, endpoint) = try unusedPort(isIPv6)
    let table = try #require(TextFile.contents("/proc/net/\(isIPv6 ? "tcp6" : "tcp")"))
    let digits = String(port, radix: 16, uppercase: true)
    let number = String(repeating: "0", count: 4 - digits.count) + digits
    let loopback = isIPv6 ? "00000000000000000000000001000000" : "0100007F"
    #expect(table.contains(" \(loopback):\(number) "))
    _ = endpoint
  }

  private func unusedPort(_ isIPv6: Bool) throws -> (UInt16, ScrapeEndpoint) {
    for port in UInt16(40_000)..<50_000 {
      if let endpoint = try? ScrapeEndpoint(isIPv6 ? .ipv6(port) : .ipv4(port)) {
        return (port, endpoint)
      }
    }
    throw CancellationError()
  }
}
