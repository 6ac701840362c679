// SPDX-License-Identifier: Apache-2.0

import CLinux
import Datapath
import Synchronization
import Syscalls
import Testing
import XDPFrame

/// A TCP connection from the kernel of one namespace to that of another, with nothing but ports between them.
final class TCPTransfer: Sendable {
  private let listener: Socket
  private let connection: Socket
  private let arrived = Atomic(0)

  /// Sends so many octets.
  ///
  /// - Returns: How many arrived before the first that was missing, out of place or damaged.
  static func run(
    byteCount: Int, from sender: borrowing NetworkNamespace,
    to receiver: borrowing NetworkNamespace,
    at text: String
  ) throws -> Int {
    let transfer = try TCPTransfer(from: sender, to: receiver, at: text)
    let server = try Syscalls.Thread(name: "server") { transfer.receive() }
    try transfer.connection.connect(address(text), text)
    try transfer.send(byteCount)
    server.join()
    return transfer.arrived.load(ordering: .acquiring)
  }

  private init(
    from sender: borrowing NetworkNamespace, to receiver: borrowing NetworkNamespace,
    at text: String
  ) throws {
    listener = try receiver.run { try TCPTransfer.socket() }
    connection = try sender.run { try TCPTransfer.socket() }
    try listener.bind(TCPTransfer.address(text), text)
    try listener.listen(backlog: 1)
  }

  private static func address(_ text: String) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = UInt16(AF_INET)
    address.sin_port = UInt16(5_001).bigEndian
    // Safe: the string and the structure outlive the call.
    unsafe inet_pton(AF_INET, text, &address.sin_addr)
    return address
  }

  private static func socket() throws -> Socket {
    let socket = try Socket(.ipv4, .stream, nonblocking: false)
    // Nothing here waits for ever.
    let limit = timeval(tv_sec: 30, tv_usec: 0)
    try socket.setOption("SO_RCVTIMEO", level: SOL_SOCKET, SO_RCVTIMEO, limit)
    try socket.setOption("SO_SNDTIMEO", level: SOL_SOCKET, SO_SNDTIMEO, limit)
    return socket
  }

  /// The octet at a place of the stream.
  private static func octet(_ place: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: place &* 31 &+ place >> 9)
  }

  private func send(_ byteCount: Int) throws {
    var sent = 0
    while sent < byteCount {
      let piece = (sent..<min(sent + 65_536, byteCount)).map(TCPTransfer.octet)
      // Safe: the array lives until the call returns.
      guard let count = try unsafe piece.withUnsafeBytes({ try unsafe connection.send($0) }) else {
        return
      }
      sent += count
    }
    _ = shutdown(connection.raw, Int32(SHUT_WR))
  }

  private func receive() {
    guard let peer = try? listener.accept(nonblocking: false) else { return }
    var piece = [UInt8](repeating: 0, count: 65_536)
    var count = 0
    // Safe: the array lives until the call returns.
    while let got = try? unsafe piece.withUnsafeMutableBytes({ try unsafe peer.receive(into: $0) }),
      got > 0
    {
      let isIntact = (0..<got).allSatisfy { piece[$0] == TCPTransfer.octet(count + $0) }
      guard isIntact else { return }
      count += got
      arrived.store(count, ordering: .releasing)
    }
  }
}

/// Sends everything to another port, and counts what the sender's kernel had left to be cut.
final class Forward: PacketProgram, @unchecked Sendable {
  // Safe: run by one thread; read after that has ended.
  private(set) var segmented = 0
  private(set) var longest = 0
  private let target: RedirectTarget

  init(to port: some Port) {
    target = RedirectTarget(map: Datapath.devMapNumber, key: port.number, onMiss: .drop)
  }

  func run(_ packet: inout Buff) -> Verdict {
    if packet.segmentation != nil { segmented += 1 }
    longest = max(longest, packet.byteCount)
    return packet.redirect(to: target)
  }
}
