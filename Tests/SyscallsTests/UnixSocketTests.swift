// SPDX-License-Identifier: Apache-2.0

import CLinux
import Syscalls
import Testing

struct UnixSocketTests {
  @Test func whoConnectsIsAcceptedAndKnown() throws {
    try withPath { path in
      let listener = try listener(at: path)
      let early = try listener.accept()?.raw
      #expect(early == nil)
      let client = try connected(to: path)
      guard let server = try listener.accept() else {
        Issue.record("nobody connected")
        return
      }
      try client.send([1, 2])
      let received = try server.receive()
      #expect(received == [1, 2])
      let peer = try server.peerCredentials()
      #expect(peer.process == getpid() && peer.user == getuid() && peer.group == getgid())
    }
  }

  @Test func aPathThatIsTakenOrTooLongSaysSo() throws {
    try withPath { path in
      _ = try listener(at: path)
      let taken = #expect(throws: SystemCallError.self) { _ = try listener(at: path) }
      #expect(taken == SystemCallError("bind", path, errno: .addressInUse))
      let dead = #expect(throws: SystemCallError.self) { _ = try connected(to: path) }
      #expect(dead == SystemCallError("connect", path, errno: .connectionRefused))
    }
    let long = "/tmp/" + String(repeating: "x", count: 103)
    let error = #expect(throws: SystemCallError.self) { _ = try listener(at: long) }
    #expect(error?.errno == .fileNameTooLong)
  }

  @Test(arguments: [0, 1, 2, 253])
  func openFilesTravelInOrder(count: Int) throws {
    let pair = try SocketPair(.sequencedPacket)
    let (events, raws) = try eventDescriptors(count)
    let sent = try unsafe [UInt8(9)].withUnsafeBytes { try unsafe pair.first.send($0, with: raws) }
    #expect(sent == 1)
    var octet: UInt8 = 0
    var seen: [UInt64] = []
    let received = try unsafe withUnsafeMutableBytes(of: &octet) { bytes in
      try unsafe pair.second.receive(into: bytes) { seen.append(value(of: $0)) }
    }
    #expect(received == 1 && octet == 9)
    #expect(seen == (0..<count).map { UInt64($0 + 1) })
    for raw in events { _ = FileDescriptor(owning: raw) }
  }

  @Test func tooManyFilesAreRefused() throws {
    let pair = try SocketPair(.sequencedPacket)
    let raws = [RawDescriptor](repeating: pair.first.raw, count: Socket.descriptorLimit + 1)
    let error = #expect(throws: SystemCallError.self) {
      try unsafe [UInt8(9)].withUnsafeBytes { _ = try unsafe pair.first.send($0, with: raws) }
    }
    #expect(error?.errno == .invalidArgument)
  }

  /// Counters that hold 1, 2, 3 and so on, each open until its number is given back.
  private func eventDescriptors(_ count: Int) throws -> (owned: [RawDescriptor], [RawDescriptor]) {
    var owned: [RawDescriptor] = []
    for number in 0..<count {
      let event = try EventFD()
      for _ in 0...number { event.signal() }
      owned.append(try event.descriptor.duplicate().take())
    }
    return (owned, owned)
  }

  private func value(of descriptor: consuming FileDescriptor) -> UInt64 {
    var count: UInt64 = 0
    return unsafe eventfd_read(descriptor.raw, &count) == 0 ? count : 0
  }

  private func listener(at path: String) throws -> Socket {
    let socket = try Socket(.unix, .stream)
    try socket.bind(path: path, permissions: 0o600)
    try socket.listen(backlog: 8)
    return socket
  }

  private func connected(to path: String) throws -> Socket {
    let socket = try Socket(.unix, .stream)
    try socket.connect(path: path)
    return socket
  }

  private func withPath(_ body: (String) throws -> Void) throws {
    let path = "/tmp/xdpframe-\(getpid())-\(UInt64.random(in: 0 ... .max)).sock"
    defer { unsafe _ = unlink(path) }
    try body(path)
  }
}
