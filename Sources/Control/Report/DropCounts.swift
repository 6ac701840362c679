// SPDX-License-Identifier: Apache-2.0

/// Frames dropped, by reason.
///
/// Reasons go by the names of the contract (``reasons``), which is also their order; a reason that this
/// version does not know, from a daemon that is newer, comes after them. Reasons with no frame are absent.
public struct DropCounts: Sendable, Equatable {
  /// A reason and the number of frames dropped for it.
  public typealias Element = (reason: String, frames: UInt64)

  /// The reasons of the contract in their order: closed, only ever added to.
  public static let reasons: [String] = [
    "prog_drop", "prog_aborted", "prog_fault", "prog_budget", "bad_verdict", "no_entry",
    "ring_full",
    "flow_limit", "quota", "pool_empty", "rx_fill_empty", "invalid_desc", "too_many_frags",
    "truncated", "redirect_no_port", "redirect_mtu", "redirect_no_sg", "redirect_loop",
    "redirect_denied", "tx_full", "tx_error", "pass_unconfigured", "pass_full", "port_down",
    "port_gone", "mtu", "tailroom", "policy", "worker_crash", "poison", "shutdown",
  ]

  private var counts: [String: UInt64] = [:]

  /// Creates counts that are all zero.
  public init() {}

  /// The number of frames dropped for a reason.
  public subscript(reason: String) -> UInt64 {
    get { counts[reason] ?? 0 }
    set { counts[reason] = newValue == 0 ? nil : newValue }
  }

  /// The reasons that dropped something, in the contract's order.
  ///
  /// - Complexity: O(reasons).
  public var elements: [Element] {
    let known = Self.reasons.compactMap { reason in
      counts[reason].map { (reason: reason, frames: $0) }
    }
    let unknown = counts.keys.filter { !Self.reasons.contains($0) }.sorted()
    return known + unknown.map { (reason: $0, frames: self[$0]) }
  }

  /// The frames dropped for any reason.
  public var total: UInt64 { counts.values.reduce(0, &+) }

  /// Adds the counts of another.
  public mutating func add(_ other: DropCounts) {
    for (reason, frames) in other.counts { self[reason] &+= frames }
  }
}

extension DropCounts: ExpressibleByDictionaryLiteral {
  /// Creates counts by name.
  public init(dictionaryLiteral elements: (String, UInt64)...) {
    for (reason, frames) in elements { self[reason] = frames }
  }
}
