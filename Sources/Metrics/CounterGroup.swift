// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// Counts that are read as they stood together: a block of shared memory with one writer.
///
///       0 version u64     odd while the writer is inside ``update(_:)``
///       8 number u64      how many counts follow
///      64 counts          8 octets each
///
/// The writer makes the version odd (A), counts, and makes it even again (B), releasing. A reader takes an even version,
/// acquiring, copies, and takes the version again (C): if it is the same, nothing was written between. A count is an
/// atomic word, so a copy that has to be thrown away never holds half of one.
@safe
@frozen
public struct CounterGroup: @unchecked Sendable {
  // Safe: `byteCount(number:)` octets that outlive every copy; every word is atomic.
  @usableFromInline let memory: UnsafeMutableRawPointer

  /// The octets that a group needs.
  ///
  /// - Parameter number: The counts, 1 or more.
  /// - Returns: Whole cache lines, so that groups of different writers share none.
  public static func byteCount(number: Int) -> Int { (64 + 8 * number + 63) & ~63 }

  /// Lays a group out, all counts zero.
  ///
  /// - Parameters:
  ///   - memory: ``byteCount(number:)`` octets, aligned to 64.
  ///   - number: The counts, 1 or more.
  public init(initializing memory: UnsafeMutableRawPointer, number: Int) {
    precondition(number > 0, "A group has at least one count.")
    unsafe memory.initializeMemory(
      as: UInt8.self, repeating: 0, count: CounterGroup.byteCount(number: number))
    unsafe memory.storeBytes(of: UInt64(number), toByteOffset: 8, as: UInt64.self)
    unsafe self.memory = unsafe memory
  }

  /// Refers to a group that another thread or process laid out.
  public init(attaching memory: UnsafeMutableRawPointer) {
    unsafe self.memory = unsafe memory
  }

  @usableFromInline
  var version: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe memory.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// How many counts there are.
  public var number: Int { Int(unsafe memory.load(fromByteOffset: 8, as: UInt64.self)) }

  /// One count; to be added to inside ``update(_:)`` where it must agree with others.
  ///
  /// - Precondition: 0...``number`` − 1.
  public subscript(position: Int) -> Counter {
    precondition(position >= 0 && position < number, "There is no such count.")
    return unsafe Counter(memory + 64 + 8 * position)
  }

  /// Changes several counts so that readers see all of it or nothing; the writer only.
  public func update(_ body: () -> Void) {
    let before = unsafe version.pointee.load(ordering: .relaxed)
    unsafe version.pointee.store(before &+ 1, ordering: .sequentiallyConsistent)  // (A)
    body()
    unsafe version.pointee.store(before &+ 2, ordering: .releasing)  // (B)
  }

  /// Copies all counts as they stood at one moment; any thread.
  ///
  /// - Returns: nil when the writer was busy each of 1,000 times: try again later.
  /// - Note: Allocates.
  public func snapshot() -> [UInt64]? {
    for _ in 0..<1_000 {
      let before = unsafe version.pointee.load(ordering: .sequentiallyConsistent)
      guard before & 1 == 0 else { continue }
      let counts = (0..<number).map { self[$0].value }
      atomicMemoryFence(ordering: .acquiring)
      if unsafe version.pointee.load(ordering: .sequentiallyConsistent) == before {  // (C)
        return counts
      }
    }
    return nil
  }
}
