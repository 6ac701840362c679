// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Synchronization
public import XDPFrame

extension MemoryPort {
  /// Receives what was put in: frames first, then octets.
  public func receive(_ burst: inout Burst, queue: Int, budget: Int, tally: Tally) {
    queues.with(queue) { queue in
      let stale = queue.frames.dequeue(into: &burst, budget: budget)
      if stale > 0 { tally.add(stale, to: .stale) }
      unsafe queue.wire?._withUnsafeGuaranteedRef {
        $0.receive(&burst, budget: budget, queue: queue.info, tally: tally)
      }
    }
  }

  /// Sends frames to the other side, or into the outgoing queue.
  ///
  /// Frames that may not be sent at all do not hold up those behind them.
  public func transmit(_ frames: inout FrameBulk) -> Int {
    let sendable = frames.moveBack { refusal(of: $0) }
    let isClosed = isClosed.load(ordering: .acquiring)
    let taken = isClosed ? 0 : carry(&frames, count: sendable)
    sent.wrappingAdd(UInt64(taken), ordering: .relaxed)
    guard !frames.isEmpty else { return taken }
    refused.wrappingAdd(UInt64(frames.count), ordering: .relaxed)
    let reason: DropReason = isClosed ? .portGone : .transmitFull
    for position in 0..<(sendable - taken) {
      unsafe frames.descriptors[position].reason = reason.rawValue
    }
    return taken
  }

  /// Moves the first frames over; answers how many there was room for.
  private func carry(_ frames: inout FrameBulk, count: Int) -> Int {
    unsafe peer.withLock { peer in
      guard let other = unsafe peer else {
        return out.enqueue(&frames, count: count, arrivingBy: nil)
      }
      return unsafe other._withUnsafeGuaranteedRef { $0.deliver(&frames, count: count) }
    }
  }

  /// Takes what the other side sends, by a queue that depends on the thread.
  private func deliver(_ frames: inout FrameBulk, count: Int) -> Int {
    queues.with(Int(clinux_context()) % queueCount) {
      $0.frames.enqueue(&frames, count: count, arrivingBy: $0.info)
    }
  }

  private func refusal(of descriptor: Descriptor) -> DropReason? {
    let hasFragments = descriptor.flags.contains(.hasFragments)
    if hasFragments, !sendsFragments { return .redirectNoFragments }
    let more = hasFragments ? Int(descriptor.sharedInfo.fragmentsByteCount) : 0
    return Int(descriptor.byteCount) + more > largestPacket ? .mtu : nil
  }
}

extension MemoryPort.Wire {
  /// Receives the octets that wait, as far as the budget goes that frames have left.
  @inline(__always)
  fileprivate func receive(
    _ burst: inout Burst, budget: Int, queue: ReceiveQueueInfo, tally: Tally
  ) {
    let waiting = min(octets.count, budget - burst.count)
    guard waiting > 0 else { return }
    Heads.with(waiting, from: model, for: queue) { heads in
      for _ in 0..<waiting { receiveFirst(in: &heads, into: &burst, tally) }
    }
  }

  /// Moves the oldest packet into buffers, or drops it.
  private func receiveFirst(in heads: inout Heads, into burst: inout Burst, _ tally: Tally) {
    guard let first = unsafe octets.first() else { return }
    if let reason = unsafe heads.receive(first, laidOut: mode, from: model, into: &burst) {
      tally.add(1, to: .received)
      tally.add(first.count, to: .receivedBytes)
      tally.drop(1, reason)
    }
    octets.removeFirst()
  }
}
