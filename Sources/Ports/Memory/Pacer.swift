// SPDX-License-Identifier: Apache-2.0

/// Says how many packets are due at a rate, and how many of those that were missed are forgiven.
///
/// A token bucket: tokens come at the rate, at most `burst` of them wait. One thread.
struct Pacer: Equatable {
  private let rate: UInt64?
  private let burst: UInt64
  /// When the first was asked for, in nanoseconds.
  private var started: UInt64?
  /// Tokens taken or forgiven since.
  private var spent: UInt64 = 0

  /// - Parameters:
  ///   - rate: Packets a second, 1...10⁹; nil for no limit.
  ///   - burst: The most that are due at once, 1 or more.
  init(rate: Int?, burst: Int) {
    self.rate = rate.map { UInt64($0) }
    self.burst = UInt64(burst)
  }

  /// Whether the time is needed.
  var isPaced: Bool { rate != nil }

  /// How many are due `now`, in nanoseconds, which is never less than in the call before.
  mutating func due(at now: UInt64) -> Int {
    guard let rate else { return .max }
    let start = started ?? now
    started = start
    // 128 bits in between: 31 years at 10⁹ a second fit. The first packet is due at once.
    let tokens = (now &- start).multipliedFullWidth(by: rate)
    let made = 1 &+ UInt64(1_000_000_000).dividingFullWidth(tokens).quotient
    if made - spent > burst { spent = made - burst }
    return Int(made - spent)
  }

  /// Takes so many of those that are due.
  mutating func take(_ count: Int) {
    spent &+= UInt64(count)
  }
}
