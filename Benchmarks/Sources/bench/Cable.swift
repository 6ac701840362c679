// SPDX-License-Identifier: Apache-2.0

import CLinux
import CPeers
import Syscalls

/// A cable between two namespaces, a sender at one end, and nothing else in them.
///
///     sender ── "send" ════ veth ════ "receive" ── whoever is measured
@safe
final class Cable {
  static let receiver = "receive"
  /// The octets of a packet that the sender sends.
  let byteCount: Int
  private let cable: VethPair
  // Safe: opened by init, closed by deinit; one thread starts and stops it.
  private let sender: OpaquePointer
  private let sink: FileDescriptor

  /// - Throws: What the kernel refused, such as namespaces to an ordinary user.
  init(byteCount: Int) throws {
    self.byteCount = byteCount
    let (here, there) = (try NetworkNamespace.anonymous(), try NetworkNamespace.anonymous())
    for namespace in [here, there] { try namespace.disableIPv6() }
    cable = try VethPair(
      "send", in: here, peer: Cable.receiver, in: there, mtu: byteCount > 3_000 ? 9_000 : 1_500)
    // What comes back ends here, as cheaply as may be.
    let descriptor = try here.run { () -> CInt in unsafe peer_sink_open("send") }
    guard descriptor >= 0 else { throw Refused(what: "an XDP program") }
    sink = FileDescriptor(owning: descriptor)
    unsafe sender = try here.run {
      guard let sender = unsafe peer_sender_open("send", UInt32(byteCount)) else {
        throw Refused(what: "a sender")
      }
      return unsafe sender
    }
  }

  deinit { unsafe peer_sender_close(sender) }

  /// Runs where the packets arrive.
  func receiving<Result>(_ body: () throws -> Result) throws -> Result {
    try cable.secondNamespace.run(body)
  }

  /// The nanoseconds in which `poll` takes so many packets; 0 if they do not come.
  func time(_ count: UInt64, senderOn cpu: UInt32, _ poll: () -> UInt64) -> UInt64 {
    // Interfaces are looked up where the sender's thread is, which is where it was started.
    let isStarted: Void? = try? cable.firstNamespace.run { unsafe peer_sender_start(sender, cpu) }
    guard isStarted != nil else { return 0 }
    defer { unsafe peer_sender_stop(sender) }
    let limit = clinux_now() + 10_000_000_000
    // What the last window left behind does not count.
    var seen: UInt64 = 0
    while seen < 4_096, clinux_now() < limit { seen += poll() }
    let started = clinux_now()
    seen = 0
    while seen < count {
      let taken = poll()
      seen += taken
      if taken == 0 {
        clinux_pause()
        if clinux_now() > limit { return 0 }
      }
    }
    return (clinux_now() - started) * count / seen
  }

  struct Refused: Error, CustomStringConvertible {
    let what: String
    var description: String { "the kernel refuses \(what)" }
  }
}
