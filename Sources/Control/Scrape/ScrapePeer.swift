// SPDX-License-Identifier: Apache-2.0

import Syscalls

/// One who fetches: a request of HTTP, an answer, and the end.
final class ScrapePeer {
  /// The longest request, in octets.
  private static let longestRequest = 8 << 10

  let socket: Socket
  /// When it connected; when it had asked, from then on.
  private(set) var since = MonotonicClock.now
  private var request: [UInt8] = []
  private var answer: [UInt8] = []
  private var sent = 0
  private(set) var isAnswering = false
  private(set) var isFinished = false

  init(_ socket: consuming Socket) { self.socket = socket }

  /// Takes what there is of the request, and gives what is taken of the answer.
  func serve(_ text: () -> String) {
    if !isAnswering { receive(text) }
    if isAnswering { send() }
  }

  private func receive(_ text: () -> String) {
    var chunk = [UInt8](repeating: 0, count: 4_096)
    // Safe: the buffer lives for the duration of the call.
    let result = unsafe chunk.withUnsafeMutableBytes { buffer in
      Result { () throws(SystemCallError) in try unsafe socket.receive(into: buffer) }
    }
    switch result {
    case .success(nil): return
    case .success(let count?) where count > 0: request += chunk[..<count]
    case .success, .failure: isFinished = true
    }
    guard let end = endOfHead else {
      if request.count > Self.longestRequest { reply("431 Request Header Fields Too Large", "") }
      return
    }
    respond(String(decoding: request[..<end], as: UTF8.self), text)
  }

  /// Where the request's head ends: at the first empty line.
  private var endOfHead: Int? {
    guard request.count >= 2 else { return nil }
    for index in 1..<request.count where request[index] == UInt8(ascii: "\n") {
      let isEmpty =
        request[index - 1] == UInt8(ascii: "\n")
        || index >= 3 && request[(index - 3)...index].elementsEqual("\r\n\r\n".utf8)
      if isEmpty { return index }
    }
    return nil
  }

  private func respond(_ head: String, _ text: () -> String) {
    let words = (head.split(whereSeparator: \.isNewline).first ?? "").split(separator: " ")
    guard words.count == 3, words[2].hasPrefix("HTTP/1.") else {
      return reply("400 Bad Request", "this is no request\n")
    }
    guard words[0] == "GET" || words[0] == "HEAD" else {
      return reply("405 Method Not Allowed", "only GET\n", "Allow: GET, HEAD\r\n")
    }
    let path = words[1].split(separator: "?", omittingEmptySubsequences: false)[0]
    guard path == "/metrics" || path == "/" else {
      return reply("404 Not Found", "look at /metrics\n")
    }
    reply("200 OK", text(), isBodyLeftOut: words[0] == "HEAD", type: OpenMetrics.contentType)
  }

  private func reply(
    _ status: String, _ body: String, _ fields: String = "", isBodyLeftOut: Bool = false,
    type: String = "text/plain; charset=utf-8"
  ) {
    let head = """
      HTTP/1.1 \(status)\r
      Content-Type: \(type)\r
      Content-Length: \(body.utf8.count)\r
      Connection: close\r
      \(fields)\r

      """
    answer = Array((head + (isBodyLeftOut ? "" : body)).utf8)
    isAnswering = true
    since = MonotonicClock.now
  }

  private func send() {
    while sent < answer.count {
      // Safe: the buffer lives for the duration of the call.
      let result = unsafe answer[sent...].withUnsafeBytes { bytes in
        Result { () throws(SystemCallError) in try unsafe socket.send(bytes) }
      }
      switch result {
      case .success(let count?): sent += count
      case .success(nil): return
      case .failure: return isFinished = true
      }
    }
    isFinished = true
  }
}
