// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct SocketTests {
  @Test func messagesKeepTheirBounds() throws {
    let pair = try SocketPair(.sequencedPacket)
    let nothing = try pair.second.receive()
    #expect(nothing == nil)
    try pair.first.send([1, 2, 3])
    try pair.first.send([4])
    let messages = [try pair.second.receive(), try pair.second.receive()]
    #expect(messages == [[1, 2, 3], [4]])
  }

  @Test func aFullSocketAnswersNil() throws {
    let pair = try SocketPair(.stream)
    let chunk = [UInt8](repeating: 1, count: 100_000)
    var sent = 0
    while let count = try pair.first.send(chunk) { sent += count }
    #expect(sent > 0)
  }

  @Test func aClosedOtherEndIsAnErrorNotASignal() async {
    // In a process of its own, where SIGPIPE kills as it does by default.
    await #expect(processExitsWith: .success) {
      clinux_signal_default(SIGPIPE)
      let pair = try SocketPair(.stream)
      let first = pair.first
      end(pair.second)
      let error = #expect(throws: SystemCallError.self) { try first.send([1]) }
      #expect(error == SystemCallError("send", errno: .brokenPipe))
    }
  }

  @Test func anOptionIsSetAndRead() throws {
    let pair = try SocketPair(.datagram)
    try pair.first.setOption("SO_PASSCRED", level: SOL_SOCKET, SO_PASSCRED, Int32(1))
    var value: Int32 = 0
    let count = try pair.first.readOption(
      "SO_PASSCRED", level: SOL_SOCKET, SO_PASSCRED, into: &value)
    #expect(value == 1 && count == 4)
  }

  @Test func anUnknownOptionSaysSo() throws {
    let pair = try SocketPair(.datagram)
    let error = #expect(throws: SystemCallError.self) {
      try pair.first.setOption("SO_NONE", level: SOL_SOCKET, 4711, Int32(1))
    }
    #expect(error == SystemCallError("setsockopt SO_NONE", errno: .protocolNotAvailable))
  }

  @Test func aSocketMeetsItsErrorOnce() throws {
    // Closing a stream with octets that nobody has read resets it for the other end.
    let pair = try SocketPair(.stream)
    let first = pair.first
    try first.send([1])
    let before = try first.takeError()
    end(pair.second)
    let errors = [try first.takeError(), try first.takeError()]
    #expect(before == nil && errors == [.connectionReset, nil])
  }

  @Test func anAddressThatIsTakenNamesItsSubject() throws {
    let first = try Socket(.ipv4, .datagram)
    try first.bind(loopback(0))
    let port = try port(of: first)
    let second = try Socket(.ipv4, .datagram)
    let error = #expect(throws: SystemCallError.self) {
      try second.bind(loopback(port), "127.0.0.1:\(port)")
    }
    #expect(error == SystemCallError("bind", "127.0.0.1:\(port)", errno: .addressInUse))
  }

  @Test func anUnboundXDPSocketCannotBeKicked() throws {
    guard let socket = try? Socket(.xdp, .raw) else {
      try Test.cancel("AF_XDP sockets are not allowed here")
    }
    let (transmit, receive) = (socket.kickTransmit(), socket.kickReceive())
    #expect(transmit == .noSuchAddressOrDevice && receive == .noSuchAddressOrDevice)
  }

  private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = UInt16(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  private func port(of socket: borrowing Socket) throws -> UInt16 {
    var address = sockaddr_in()
    var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
    let raw = socket.raw
    let result = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe clinux_getsockname(raw, $0, &byteCount)
    }
    try #require(result == 0)
    return UInt16(bigEndian: address.sin_port)
  }
}
