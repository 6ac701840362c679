// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Syscalls
internal import Wire
public import XDPFrame

extension PcapPort {
  /// Copies frames for the writer and sends them home.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    guard let spool else { return refuse(&frames, .redirectNoPort) }
    guard !isClosed.load(ordering: .acquiring) else { return refuse(&frames, .shutdown) }
    let time = RealtimeClock.now
    // Copied and sent home under the lock that senders take in turn: the bulk on its way home is one for all.
    let count = outgoing.withLock { outgoing in
      // Once there is no room, nothing behind is taken either.
      var reason: DropReason? = spool.isFull ? .portDown : nil
      frames.moveFrames(into: &outgoing.home) { descriptor in
        let refusal = reason ?? spool.take(descriptor, at: time, behind: outgoing.missing)
        guard let refusal else {
          outgoing.missing = 0
          return true
        }
        if refusal == .transmitFull { reason = refusal }
        descriptor.reason = refusal.rawValue
        outgoing.missing += 1
        return false
      }
      let count = outgoing.home.count
      outgoing.home.recycle()
      return count
    }
    spool.wake()
    sent.wrappingAdd(UInt64(count), ordering: .relaxed)
    if !frames.isEmpty { refused.wrappingAdd(UInt64(frames.count), ordering: .relaxed) }
    return count
  }

  private func refuse(_ frames: inout FrameBulk, _ reason: DropReason) -> Int {
    frames.refuse(from: 0, reason)
    refused.wrappingAdd(UInt64(frames.count), ordering: .relaxed)
    return 0
  }
}

extension CaptureSpool {
  /// Takes a frame's octets and what its descriptor says.
  ///
  /// - Returns: nil, or why it could not.
  fileprivate func take(
    _ descriptor: Descriptor, at time: UInt64, behind missing: UInt64
  ) -> DropReason? {
    guard let byteCount = descriptor.readableByteCount, byteCount <= Limits.packet else {
      return .transmitError
    }
    var packet = PCAPNG.Packet(interface: 0, time: time, byteCount: byteCount)
    packet.direction = .sent
    packet.dropCount = missing
    // Short enough to need no memory of its own.
    if descriptor.owner == .worker { packet.comment = "entry=\(descriptor.ownerNumber)" }
    return put(packet, of: descriptor) ? nil : .transmitFull
  }
}
