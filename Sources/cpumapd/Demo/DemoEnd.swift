// SPDX-License-Identifier: Apache-2.0

import Ports
import Syscalls
import XDPFrame

/// Where the demo's sender stands.
///
/// One thread sends, another one receives.
protocol DemoEnd: AnyObject, Sendable {
  /// Sends a packet; false means that there was no room, and that nothing was sent.
  func send(_ packet: [UInt8]) -> Bool
  /// Looks at every packet that came back; waits a little for the first.
  func receive(_ look: (RawSpan) -> Void)
}

/// The far end of the demo's cable.
final class CableEnd: DemoEnd, @unchecked Sendable {
  // Safe: each socket is used by one thread, the one that sends or the one that receives.
  private let out: PacketSocket
  private let back: PacketSocket
  private var memory = [UInt8](repeating: 0, count: 65_536)

  init(_ network: DemoNetwork) throws {
    out = try network.sender.run { try PacketSocket(network.peer, receives: false) }
    back = try network.sender.run { try PacketSocket(network.peer, receives: true) }
  }

  func send(_ packet: [UInt8]) -> Bool {
    // Safe: the packet lives until the call returns.
    let count = unsafe packet.withUnsafeBytes { octets in
      var frame = unsafe octets
      return unsafe withUnsafePointer(to: &frame) { (try? unsafe out.send($0, count: 1)) ?? 0 }
    }
    return count == 1
  }

  func receive(_ look: (RawSpan) -> Void) {
    _ = try? Poll.wait(back.socket.raw, for: .readable, timeout: .milliseconds(20))
    // Safe: the array's storage lives for the duration of the call.
    unsafe memory.withUnsafeMutableBytes { room in
      while let count = try? unsafe back.receive(into: room), count > 0 {
        let octets = unsafe UnsafeRawBufferPointer(rebasing: room[..<count])
        unsafe look(octets.bytes)
      }
    }
  }
}

/// The outside of a port in memory: where the wire would be.
final class MemoryEnd: DemoEnd {
  private let port: MemoryPort

  init(_ port: MemoryPort) {
    self.port = port
  }

  func send(_ packet: [UInt8]) -> Bool { port.put(packet) }

  func receive(_ look: (RawSpan) -> Void) {
    if port.sentCount == 0 { Thread.sleep(for: .milliseconds(1)) }
    while let frame = port.takeSent() {
      let octets = frame.octets()
      unsafe look(octets.span.bytes)
    }
  }
}
