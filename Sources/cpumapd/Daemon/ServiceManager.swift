// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Syscalls

/// Tells the service manager how the daemon is, where there is one that listens.
///
/// Source: `sd_notify(3)`; the protocol is a datagram of `NAME=VALUE` lines.
struct ServiceManager: Sendable {
  private let address: [UInt8]?
  /// How often it wants to hear that the daemon is alive, in nanoseconds; nil for never.
  let watchdogPeriod: UInt64?

  /// Looks for a service manager in the environment.
  init() {
    let path = Self.variable("NOTIFY_SOCKET").map { Array($0.utf8) }
    // An abstract name is written with an at sign and sent with a zero.
    address = path.map { $0.first == UInt8(ascii: "@") ? [0] + $0.dropFirst() : $0 }
    let isOurs = Self.variable("WATCHDOG_PID").map { $0 == "\(getpid())" } ?? true
    let microseconds = Self.variable("WATCHDOG_USEC").flatMap { UInt64($0) }
    // Twice as often as it must be heard.
    watchdogPeriod = isOurs ? microseconds.map { $0 &* 500 } : nil
  }

  private static func variable(_ name: String) -> String? {
    // Safe: nobody in this process changes its environment.
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  /// Everything works.
  func ready() { send("READY=1") }
  /// The daemon ends.
  func stopping() { send("STOPPING=1") }
  /// The daemon lives.
  func alive() { send("WATCHDOG=1") }
  /// The configuration is being read again; `ready()` ends it.
  func reloading() { send("RELOADING=1\nMONOTONIC_USEC=\(MonotonicClock.now / 1_000)") }
  /// How the daemon is, on one line.
  func status(_ text: String) { send("STATUS=\(text)") }

  private func send(_ text: String) {
    guard let address, let socket = try? Socket(.unix, .datagram) else { return }
    var name = sockaddr_un()
    guard address.count <= MemoryLayout.size(ofValue: name.sun_path) else { return }
    name.sun_family = sa_family_t(AF_UNIX)
    // Safe: the address was just found to fit, and everything lives for the duration of the calls.
    unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: address) }
    let byteCount = socklen_t(MemoryLayout<sa_family_t>.size + address.count)
    var text = text
    text.withUTF8 { octets in
      unsafe withUnsafePointer(to: &name) { name in
        unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
          _ = unsafe sendto(
            socket.raw, octets.baseAddress, octets.count, Int32(MSG_NOSIGNAL), name,
            byteCount)
        }
      }
    }
  }
}
