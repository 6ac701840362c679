// SPDX-License-Identifier: Apache-2.0

internal import Wire
public import XDPFrame

extension GeneratorPort {
  /// What to make up.
  public struct Plan: Equatable, Sendable {
    /// The network layer.
    public enum Network: String, Sendable, CaseIterable {
      /// Headers of 42 octets.
      case ipv4
      /// Headers of 62 octets.
      case ipv6
    }

    /// Distinct flows, 1...1,048,576.
    public var flowCount: Int
    /// Lengths in turn, Ethernet header included: from 60 octets, over IPv6 from 78, to what IP can count.
    public var byteCounts: [Int]
    /// Packets a second; nil for as many as are asked for.
    public var rate: Int?
    /// Packets in all; nil for no end.
    public var limit: Int?
    /// What carries UDP.
    public var network: Network
    /// Packets that may be made at once when the generator was not asked for a while; the rest of what was missed is
    /// not made up for.
    public var burst: Int

    /// Describes what to make up.
    public init(
      flowCount: Int = 64, byteCounts: [Int] = [64], rate: Int? = nil, limit: Int? = nil,
      network: Network = .ipv4, burst: Int = Limits.budget
    ) {
      self.flowCount = flowCount
      self.byteCounts = byteCounts
      self.rate = rate
      self.limit = limit
      self.network = network
      self.burst = burst
    }

    /// The lengths that a packet may have, with the payload's own header and in an IP packet.
    var possibleByteCounts: ClosedRange<Int> {
      switch network {
      case .ipv4: 60...Ethernet.headerByteCount + 65_535
      case .ipv6: 78...Ethernet.headerByteCount + 40 + 65_535
      }
    }

    /// Why the plan makes no sense; nil if it does.
    var objection: String? {
      guard (1...1 << 20).contains(flowCount) else { return "\(flowCount) flows; 1...1048576" }
      guard !byteCounts.isEmpty else { return "no lengths" }
      if let wrong = byteCounts.first(where: { !possibleByteCounts.contains($0) }) {
        return "packets of \(wrong) octets; \(possibleByteCounts)"
      }
      if let rate, !(1...1_000_000_000).contains(rate) {
        return "\(rate) packets a second; 1...1000000000"
      }
      if let limit, limit < 0 { return "a limit of \(limit)" }
      return burst > 0 ? nil : "a burst of \(burst)"
    }
  }
}
