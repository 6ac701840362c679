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
    self.init(memory, outstanding: 0, holders: census.counts)
    guard outstanding > 0 else { return nil }
  }

  /// Sums up who holds buffers of a model that still waits for some.
  ///
  /// - Parameters:
  ///   - memory: The model.
  ///   - outstanding: How many have not arrived; more than are held while some are on their last few instructions home.
  ///   - holders: Buffers by owner.
  init(_ memory: MemoryInfo, outstanding: Int, holders: [Owner: Int]) {
    self.memory = memory
    self.holders = holders.filter { $0.key != .free && $0.key != .shared && $0.value > 0 }
    let held = self.holders.values.reduce(0, +)
    self.outstanding = held > 0 ? held : outstanding
  }

  /// For example `pool 3 waits for 17 buffers: ring 12, worker 5`.
  public var description: String {
    "pool \(memory.id) waits for \(outstanding) buffers: \(holderList)"
  }

  /// For example `ring 12, worker 5`.
  var holderList: String {
    if holders.isEmpty { return "on their way home" }
    return Owner.allCases.compactMap { owner in holders[owner].map { "\(owner.name) \($0)" } }
      .joined(separator: ", ")
  }
}
