// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Wire
import XDPFrame

/// Checks number and order of what it sees, then drops it.
final class OrderCheck: PacketProgram, @unchecked Sendable {
  // Safe: run by one worker; read after that worker has ended.
  private(set) var check = NumberedPacketCheck()

  func run(_ packet: inout Buff) -> Verdict {
    packet.withBytes { check.see($0) }
    return .drop
  }
}

/// Sends packets back, and remembers how many fragments they had.
final class JumboReflect: PacketProgram, @unchecked Sendable {
  // Safe: run by one worker; read after that worker has ended.
  private(set) var fragmentCounts: Set<Int> = []
  private(set) var lengths: Set<Int> = []

  func run(_ packet: inout Buff) -> Verdict {
    fragmentCounts.insert(packet.fragmentCount)
    lengths.insert(packet.byteCount)
    return .transmit
  }
}
