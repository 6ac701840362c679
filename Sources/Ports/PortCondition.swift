// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

/// What the path of a packet needs to know about a port's health: written now and then, read at every burst.
final class PortCondition: Sendable {
  private let packet: Atomic<UInt32>
  /// The reason why nothing is sent, plus one; 0 while frames are sent.
  private let obstacle = Atomic<UInt32>(0)

  init(largestPacket: UInt32) {
    packet = Atomic(largestPacket)
  }

  /// Octets of the largest packet that may be sent, Ethernet header included.
  var largestPacket: UInt32 {
    get { packet.load(ordering: .relaxed) }
    set { packet.store(newValue, ordering: .relaxed) }
  }

  /// Why nothing is sent; nil while frames are sent.
  var refusal: DropReason? {
    get {
      let value = obstacle.load(ordering: .relaxed)
      return value == 0 ? nil : DropReason(rawValue: UInt16(truncatingIfNeeded: value &- 1))
    }
    set { obstacle.store(newValue.map { UInt32($0.rawValue) &+ 1 } ?? 0, ordering: .relaxed) }
  }
}
