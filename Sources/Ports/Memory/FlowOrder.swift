// SPDX-License-Identifier: Apache-2.0

/// What arrived of one flow: what is next, and which of the 64 in front of it have been seen.
struct FlowOrder: Equatable {
  /// The lowest sequence that is higher than all seen.
  private(set) var next: UInt64 = 0
  /// Bit `n` is set if sequence `next - 1 - n` was seen.
  private var seen: UInt64 = 0

  /// How a packet arrived.
  enum Arrival: Equatable {
    /// As expected.
    case inOrder
    /// In front of so many that did not arrive yet.
    case ahead(missing: UInt64)
    /// After one with a higher sequence.
    case late
    /// A second time.
    case again
    /// So late that it cannot be told whether it was seen.
    case tooLate
  }

  /// Notes an arrival.
  mutating func note(_ sequence: UInt64) -> Arrival {
    guard sequence < next else {
      let missing = sequence - next
      // Shifting by 64 and more leaves nothing, as it should.
      seen = seen << (missing &+ 1) | 1
      next = sequence &+ 1
      return missing == 0 ? .inOrder : .ahead(missing: missing)
    }
    let place = next - 1 - sequence
    guard place < 64 else { return .tooLate }
    let bit = UInt64(1) << place
    guard seen & bit == 0 else { return .again }
    seen |= bit
    return .late
  }
}
