// SPDX-License-Identifier: Apache-2.0

public import Arena

/// Who owns the octets: hands out buffers and takes them back.
///
/// A model belongs to one owner, the thread that allocates from it; buffers come back from any thread. It is
/// registered in a ``MemoryRegistry``, which keeps it alive until its last buffer is home.
public protocol MemoryModel: AnyObject, Sendable {
  /// The kind, and the id that the registry gave.
  var memory: MemoryInfo { get }

  /// The octets in front of a packet in a fresh buffer.
  var headroom: Int { get }

  /// The octets of a packet that one buffer holds behind that headroom.
  var linearByteCount: Int { get }

  /// The octets of one buffer, all of which a fragment may use.
  var bufferByteCount: Int { get }

  /// The memory that all buffers lie in; nil where that is not one segment.
  var segment: Segment? { get }

  /// Takes up to `count` buffers, owned by the caller afterwards.
  ///
  /// Only the model's owner may call it.
  ///
  /// - Parameters:
  ///   - storage: Uninitialised memory, the first so many of which are initialised.
  ///   - count: The most buffers, 0 or more.
  /// - Returns: How many there were; 0 means the model is empty.
  /// - Note: Never allocates heap memory.
  func allocate(into storage: UnsafeMutablePointer<Storage>, count: Int) -> Int

  /// Takes buffers of this model back, from any thread; called once for many.
  ///
  /// - Note: Never allocates heap memory and never waits for another thread, but for a lock held a few nanoseconds.
  func recycle(_ descriptors: UnsafeMutablePointer<Descriptor>, count: Int)

  /// Counts the model's buffers by owner; exact when quiet.
  func census() -> Census
}

/// How many buffers of a model each owner holds.
public struct Census: Equatable, Sendable {
  /// All buffers of the model.
  public var capacity: Int
  /// Buffers by owner.
  public var counts: [Owner: Int]
  /// Buffers that came home twice, which is counted and otherwise ignored.
  public var doubleFree: Int
  /// Frames and buffers dropped without a reason.
  public var abandoned: Int

  /// A count of nothing.
  public init(capacity: Int, counts: [Owner: Int] = [:], doubleFree: Int = 0, abandoned: Int = 0) {
    self.capacity = capacity
    self.counts = counts
    self.doubleFree = doubleFree
    self.abandoned = abandoned
  }

  /// The buffers that one owner holds.
  public subscript(_ owner: Owner) -> Int { counts[owner, default: 0] }

  /// Whether every buffer has exactly one owner: the second law of the ledger.
  public var balances: Bool { capacity == counts.values.reduce(0, +) }
}

extension MemoryModel {
  /// A model need not say where its buffers lie.
  public var segment: Segment? { nil }

  /// Takes one buffer; nil means the model is empty.
  ///
  /// Only the model's owner may call it.
  @inlinable
  public func allocate() -> Storage? {
    unsafe withUnsafeTemporaryAllocation(of: Storage.self, capacity: 1) { room in
      guard let slot = room.baseAddress, unsafe allocate(into: slot, count: 1) == 1 else {
        return nil
      }
      return unsafe slot.move()
    }
  }
}
