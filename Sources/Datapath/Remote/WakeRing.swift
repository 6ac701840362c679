// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import IOUring
internal import Synchronization
internal import Syscalls

/// A producer's own ring, from which it sends wake-ups; one per thread, made when it first wakes somebody.
final class WakeRing: @unchecked Sendable {
  // Safe: a ring is reached through the number of the thread that made it, and used by that thread alone.
  private let ring: Ring

  /// The most threads that get a ring of their own; others wake by eventfd.
  private static let limit = 4_096
  private static let rings = ReferenceTable<WakeRing>(capacity: limit)

  private init?() {
    guard let ring = try? Ring(entries: 16) else { return nil }
    self.ring = ring
  }

  /// Sends a message to another ring.
  ///
  /// - Returns: Whether it was sent.
  static func send(to descriptor: RawDescriptor) -> Bool {
    let context = Int(clinux_context())
    guard context < limit else { return false }
    if let sent = rings.with(context, { $0.send(to: descriptor) }) { return sent }
    guard let ring = WakeRing() else { return false }
    _ = rings.exchange(ring, at: context)
    return ring.send(to: descriptor)
  }

  /// Closes the calling thread's ring; the last thing a loop or worker does.
  static func closeCurrent() {
    let context = Int(clinux_context())
    guard context < limit else { return }
    _ = rings.exchange(nil, at: context)
  }

  private func send(to descriptor: RawDescriptor) -> Bool {
    while ring.completion.take() != nil {}
    let message = MessageRing(to: descriptor, token: 1)
    guard ring.submission.enqueue(message, token: 0, flags: .silentSuccess) else { return false }
    return (try? ring.submit()) == 1
  }
}
