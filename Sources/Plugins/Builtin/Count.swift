// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import XDPFrame

/// Counts packets and octets, then gives each packet one and the same verdict.
public final class Count: Program, Sendable {
  private let verdict: Verdict
  private let packets = Atomic<UInt64>(0)
  private let octets = Atomic<UInt64>(0)

  /// Makes the program.
  ///
  /// - Parameter verdict: What every packet gets.
  public init(verdict: Verdict = .pass) {
    self.verdict = verdict
  }

  /// The packets seen so far; any thread.
  public var packetCount: UInt64 { packets.load(ordering: .relaxed) }

  /// The octets seen so far, Ethernet headers included; any thread.
  public var byteCount: UInt64 { octets.load(ordering: .relaxed) }

  /// Counts the burst, with one addition for all of it.
  public func run(_ burst: inout Burst) {
    var sum = 0
    var position = 0
    let count = burst.count
    while position < count {
      sum &+= burst[position].byteCount
      position &+= 1
    }
    packets.add(UInt64(count), ordering: .relaxed)
    octets.add(UInt64(sum), ordering: .relaxed)
    burst.setAll(verdict)
  }
}
