// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import IOUring
internal import Syscalls

extension Parking {
  /// Where one worker lies: its io_uring if it has one, otherwise the eventfd alone.
  struct Bed: ~Copyable {
    private let parking: Parking
    private var ring: Ring?
    /// Whether the ring polls for the eventfd.
    private var isListening = false
    private var since: UInt64 = 0

    /// What a producer's message carries.
    static let messageToken: UInt64 = 1
    private static let eventToken: UInt64 = 2

    /// Lies down on the calling thread, which is the only one to use it.
    init(_ parking: Parking) {
      self.parking = parking
      guard parking.usesRing, let ring = try? Ring(entries: 4, completionEntries: 64) else {
        return
      }
      parking.announce(ring: ring.descriptor)
      self.ring = consume ring
    }

    deinit {
      parking.announce(ring: -1)
    }

    /// There was work.
    mutating func reset() {
      since = 0
    }

    /// There was none: spins, or sleeps if there still is none.
    ///
    /// - Parameter hasWork: Asked once more after the worker said that it sleeps.
    mutating func wait(unless hasWork: () -> Bool) {
      if parking.mode == .spin { return clinux_pause() }
      if parking.mode == .adaptive {
        let now = clinux_now()
        if since == 0 { since = now }
        if now &- since < Parking.spinNanoseconds { return clinux_pause() }
      }
      let parking = parking
      parking.sleep(unless: hasWork) {
        if !sleepInRing() { sleepOnEvent() }
      }
    }

    /// Sleeps in the ring; false if there is none, or it does not work.
    private mutating func sleepInRing() -> Bool {
      guard ring != nil else { return false }
      if !isListening { listen() }
      guard (try? ring?.submitAndWait(1, timeout: parking.longestSleep)) != nil else {
        parking.announce(ring: -1)
        ring = nil
        return false
      }
      while let completion = ring?.completion.take() {
        guard completion.token == Bed.eventToken else { continue }
        _ = parking.event.drain()
        if !completion.hasMore { isListening = false }
      }
      return true
    }

    /// Makes the ring tell of the eventfd, as long as it can.
    private mutating func listen() {
      let poll = PollAdd(parking.event.descriptor.raw, for: .readable, multishot: true)
      isListening = ring?.submission.enqueue(poll, token: Bed.eventToken) == true
    }

    private func sleepOnEvent() {
      _ = try? Poll.wait(
        parking.event.descriptor.raw, for: .readable, timeout: parking.longestSleep)
      _ = parking.event.drain()
    }
  }
}
