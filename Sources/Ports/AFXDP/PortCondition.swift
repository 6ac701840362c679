// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What the path of a packet needs to know about a port's health: written now and then, read at every burst.
final class PortCondition: Sendable {
  private let packet: Atomic<UInt32>

  init(largestPacket: UInt32) {
    packet = Atomic(largestPacket)
  }

  /// Octets of the largest packet that may be sent, Ethernet header included.
  var largestPacket: UInt32 {
    get { packet.load(ordering: .relaxed) }
    set { packet.store(newValue, ordering: .relaxed) }
  }
}
