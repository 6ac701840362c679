// SPDX-License-Identifier: Apache-2.0

import CLinux
import IOUring
import Syscalls
import TestSupport
import Testing

/// Fixed buffers on the device that they are for: frames in and out of a TAP interface.
@Suite(.requiresNetworkNamespaces)
struct TAPTests {
  @Test func framesGoInAndOutThroughRegisteredBuffers() throws {
    let namespace = try NetworkNamespace.anonymous()
    try namespace.disableIPv6()
    let tap = try namespace.run { try openTAP("tap0") }
    let stack = try namespace.run { try packetSocket(on: "tap0") }
    let ring = try Ring(entries: 8)
    let memory = try Mapping.anonymous(byteCount: 8192)
    try unsafe ring.registerBuffers([memory.bytes])

    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[0..<2048])
    _ = unsafe ring.submission.enqueue(ReadFixed(tap.raw, into: target, registeredAs: 0), token: 1)
    try ring.submit()
    let frame = Self.frame(1)
    _ = try unsafe frame.withUnsafeBytes { try unsafe stack.send($0) }
    try ring.wait()
    let read = ring.completion.take()
    #expect(read?.token == 1 && read?.result == Int32(frame.count))
    let received = unsafe Array(target[0..<frame.count])
    #expect(received == frame)

    let answer = Self.frame(2)
    unsafe memory.bytes[4096..<4096 + answer.count].copyBytes(from: answer)
    let source = unsafe UnsafeRawBufferPointer(
      rebasing: memory.bytes[4096..<4096 + answer.count])
    _ = unsafe ring.submission.enqueue(WriteFixed(tap.raw, source, registeredAs: 0), token: 2)
    try ring.wait()
    let written = ring.completion.take()
    #expect(written?.token == 2 && written?.result == Int32(answer.count))
    #expect(try Poll.wait(stack.raw, for: .readable, timeout: .seconds(5)) == .readable)
    var octets = [UInt8](repeating: 0, count: 2048)
    let count = try unsafe octets.withUnsafeMutableBytes { try unsafe stack.receive(into: $0) }
    #expect(Array(octets[..<(count ?? 0)]) == answer)
  }

  @Test func aMultishotPollHearsOfEachFrame() throws {
    let namespace = try NetworkNamespace.anonymous()
    try namespace.disableIPv6()
    let tap = try namespace.run { try openTAP("tap0") }
    let stack = try namespace.run { try packetSocket(on: "tap0") }
    try tap.setNonblocking(true)
    let ring = try Ring(entries: 8)
    _ = ring.submission.enqueue(PollAdd(tap.raw, for: .readable, multishot: true), token: 3)
    var octets = [UInt8](repeating: 0, count: 2048)
    for number in 0..<5 as Range<UInt8> {
      _ = try unsafe Self.frame(number).withUnsafeBytes { try unsafe stack.send($0) }
      try ring.wait()
      let heard = ring.completion.take()
      #expect(heard?.token == 3 && heard?.hasMore == true)
      #expect(heard?.pollEvents.contains(.readable) == true)
      let count = try unsafe octets.withUnsafeMutableBytes { try unsafe tap.read(into: $0) }
      #expect(Array(octets[..<(count ?? 0)]) == Self.frame(number))
    }
  }

  private func openTAP(_ name: String) throws -> FileDescriptor {
    let tap = try FileDescriptor(opening: "/dev/net/tun", O_RDWR)
    var request = unsafe ifreq()
    unsafe withUnsafeMutableBytes(of: &request.ifr_ifrn.ifrn_name) {
      unsafe $0.copyBytes(from: name.utf8)
    }
    unsafe request.ifr_ifru.ifru_flags = Int16(IFF_TAP | IFF_NO_PI)
    try unsafe tap.control("TUNSETIFF", UInt(CLINUX_TUNSETIFF), &request)
    try Interface(named: name).setUp(true)
    return tap
  }

  private func packetSocket(on name: String) throws -> Socket {
    let interface = try Interface(named: name)
    let socket = try Socket(.packet, .raw)
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = UInt16(0x88b5).bigEndian
    address.sll_ifindex = Int32(bitPattern: interface.index)
    try socket.bind(address, name)
    return socket
  }

  /// A broadcast frame of the type for experiments, 64 octets.
  private static func frame(_ number: UInt8) -> [UInt8] {
    [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, number, 0x88, 0xb5]
      + [UInt8](repeating: number, count: 50)
  }
}
