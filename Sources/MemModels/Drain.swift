// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// What a model that is being destroyed still waits for, and who holds it.
///
/// Source: the warning of `page_pool_release_retry()`, `net/core/page_pool.c`, which knows the number only.
public struct Drain: Error, Equatable, Sendable, CustomStringConvertible {
  /// The model.
  public let memory: MemoryInfo
  /// The buffers that have not come home.
  public let outstanding: Int
  /// Who holds how many of them.
  public let holders: [Owner: Int]

  /// Sums up a census of a model that was closed; buffers that are home and wait for others are nobody's to return.
  public init?(_ memory: MemoryInfo, _ census: Census) {
    let holders = census.counts.filter { $0.key != .free && $0.key != .shared && $0.value > 0 }
    guard !holders.isEmpty else { return nil }
    self.memory = memory
    self.holders = holders
    outstanding = holders.values.reduce(0, +)
  }

  /// For example `pool 3 waits for 17 buffers: ring 12, worker 5`.
  public var description: String {
    "pool \(memory.id) waits for \(outstanding) buffers: \(holderList)"
  }

  /// For example `ring 12, worker 5`.
  var holderList: String {
    Owner.allCases.compactMap { owner in holders[owner].map { "\(owner.name) \($0)" } }
      .joined(separator: ", ")
  }
}
