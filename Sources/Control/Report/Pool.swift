// SPDX-License-Identifier: Apache-2.0

extension Report {
  /// Who owns one buffer; every buffer has exactly one owner at any instant.
  public enum BufferState: String, Sendable, CaseIterable {
    /// Nobody: the pool may hand it out.
    case free
    /// The kernel, through a fill ring.
    case fill
    /// A receive loop.
    case receive
    /// A worker.
    case worker
    /// A ring between a receive loop and a worker.
    case ring
    /// The kernel, through a transmit ring.
    case transmit
    /// The kernel, sent but not yet given back.
    case completion
    /// Somebody who asked to keep it.
    case held
    /// Several users of one page, counted in its descriptor.
    case shared
    /// Nobody again, ever: its books were found wrong.
    case quarantine
  }

  /// Where the buffers of one pool are.
  ///
  /// Balanced when quiet: `capacity = Σ states`.
  public struct Pool: Sendable, Equatable {
    /// The pool's name; that of its port where it has one.
    public var name: String
    /// The number of buffers.
    public var capacity: UInt64
    private var counts: [BufferState: UInt64] = [:]
    /// Buffers given back twice; refused and counted.
    public var doubleFree: UInt64 = 0
    /// References to buffers of an earlier life; refused and counted.
    public var stale: UInt64 = 0
    /// Frames that nobody consumed before their end; always 0 in correct code.
    public var abandoned: UInt64 = 0

    /// Creates a pool's books with no buffer in any state.
    public init(name: String, capacity: UInt64) {
      self.name = name
      self.capacity = capacity
    }

    /// The number of buffers in a state.
    public subscript(state: BufferState) -> UInt64 {
      get { counts[state] ?? 0 }
      set { counts[state] = newValue == 0 ? nil : newValue }
    }
  }
}
