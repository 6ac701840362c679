// SPDX-License-Identifier: Apache-2.0

internal import Syscalls
internal import Wire
internal import XDPFrame

/// Plays a capture: hands its packets out one by one, when they are due, as often as was asked for.
struct Player: ~Copyable, @unchecked Sendable {
  // Safe: reached under its port's lock only; what its file shows stays inside.
  private let input: PcapPort.Input
  private let model: any MemoryModel
  private var file: CaptureFile
  /// The packet that comes next, once it was looked at.
  private var waiting: CapturedPacket?
  /// The packet before.
  private var last: CapturedPacket?
  private var clock = PlayClock()
  private var playsLeft: Int
  private var isEmpty = true

  /// How a call ended.
  enum Outcome {
    /// There may be more.
    case goesOn
    /// Everything was played.
    case ended
    /// The file cannot be read further.
    case failed(CaptureFileError)
  }

  init(_ input: PcapPort.Input, model: any MemoryModel) throws(CaptureFileError) {
    self.input = input
    self.model = model
    playsLeft = max(input.playCount, 1)
    var file = try CaptureFile(path: input.path)
    // A pipe would keep the loop waiting; what cannot go back to its beginning is refused.
    try file.rewind()
    self.file = file
  }

  /// Adds the packets that are due to a burst.
  mutating func receive(
    _ burst: inout Burst, budget: Int, queue: ReceiveQueueInfo, tally: Tally
  ) -> Outcome {
    var outcome = Outcome.goesOn
    do throws(CaptureFileError) {
      guard try hasPacketDue() else { return playsLeft > 0 ? .goesOn : .ended }
    } catch {
      return .failed(error)
    }
    Heads.with(budget, from: model, for: queue) { heads in
      do throws(CaptureFileError) {
        while burst.count < budget, try hasPacketDue() {
          guard receiveWaiting(in: &heads, into: &burst, tally) else { return }
        }
      } catch {
        outcome = .failed(error)
      }
    }
    return outcome
  }

  /// Whether there is a packet, and its time has come.
  private mutating func hasPacketDue() throws(CaptureFileError) -> Bool {
    while waiting == nil {
      guard playsLeft > 0 else { return false }
      if let packet = try file.next() {
        isEmpty = false
        waiting = packet.isDeparture(of: last) ? nil : packet
        last = packet
      } else {
        try playAgain()
      }
    }
    guard input.isPaced, let time = waiting?.time else { return true }
    return clock.isDue(time, now: MonotonicClock.now)
  }

  /// Goes back to the beginning, if that is wanted; a file without packets has been played often enough.
  private mutating func playAgain() throws(CaptureFileError) {
    playsLeft = isEmpty ? 0 : playsLeft - 1
    guard playsLeft > 0 else { return }
    try file.rewind()
    last = nil
    clock = PlayClock()
  }

  /// Copies the packet that waits into buffers, or drops it; false when there are none, and it waits on.
  private mutating func receiveWaiting(
    in heads: inout Heads, into burst: inout Burst, _ tally: Tally
  ) -> Bool {
    guard let packet = waiting else { return true }
    let reason: DropReason?
    if packet.octets.count < Limits.ethernetHeader {
      reason = .truncated
    } else {
      reason = unsafe file.withOctets(of: packet) { octets in
        unsafe heads.receive(octets, laidOut: input.mode, from: model, into: &burst)
      }
    }
    if reason == .poolEmpty { return false }
    waiting = nil
    if let reason {
      tally.add(packet.octets.count, to: .receivedBytes)
      tally.dropReceived(reason)
    }
    return true
  }
}

/// Says when a packet is due: as long after the first as their timestamps are apart.
struct PlayClock {
  private var origin: (stamp: UInt64, time: UInt64)?

  /// Whether a packet with this timestamp is due; one from before the first is, too.
  mutating func isDue(_ stamp: UInt64, now: UInt64) -> Bool {
    guard let origin else {
      origin = (stamp, now)
      return true
    }
    return stamp <= origin.stamp || stamp - origin.stamp <= now &- origin.time
  }
}
