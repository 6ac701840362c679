// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Syscalls
import TestSupport
import Wire

/// Checks the numbered packets that come back to the far end of the cable.
final class Listener: Sendable {
  private let check = Mutex(NumberedPacketCheck())
  private let isStopping = Atomic(false)
  private let thread = Mutex<Syscalls.Thread?>(nil)

  private final class Handed: @unchecked Sendable {
    // Safe: made here, used by the thread that it is handed to and by nobody else.
    let socket: PacketSocket
    init(_ socket: consuming PacketSocket) { self.socket = socket }
  }

  init(on pair: borrowing NamespacePair) throws {
    let left = pair.left
    let handed = Handed(try pair.a.run { try PacketSocket(left, receives: true) })
    var started = Optional(try Syscalls.Thread(name: "listener") { [self] in listen(handed) })
    thread.withLock { $0 = started.take() }
  }

  /// What came so far.
  var seen: NumberedPacketCheck { check.withLock { $0 } }

  /// Waits until that many have come, or none has for two seconds.
  func wait(for count: Int) {
    var before = -1
    var quiet = 0
    while seen.intact + seen.damaged < count, quiet < 20 {
      let now = seen.intact + seen.damaged
      quiet = now == before ? quiet + 1 : 0
      before = now
      Syscalls.Thread.sleep(for: .milliseconds(100))
    }
  }

  func stop() {
    isStopping.store(true, ordering: .releasing)
    let running = thread.withLock { $0.take() }
    running?.join()
  }

  private func listen(_ handed: Handed) {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 64)
    defer { unsafe room.deallocate() }
    while !isStopping.load(ordering: .acquiring) {
      _ = try? Poll.wait(
        handed.socket.socket.raw, for: .readable, timeout: .milliseconds(20))
      while let count = try? unsafe handed.socket.receive(into: room), count > 0 {
        let octets = unsafe UnsafeRawBufferPointer(rebasing: room[..<count])
        check.withLock { unsafe $0.see(octets.bytes) }
      }
    }
  }
}
