// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A table of objects that is read while it is changed.
///
/// Reading costs one load and no reference counting; the reader is inside a ``Quiescence`` section. Whoever takes an
/// object out keeps it until that section cannot be open any more.
///
/// Loads and exchanges are sequentially consistent, because ``Quiescence`` needs one order of them and of its
/// counters: an acquiring load may overtake the store in front of it, also on processors that order such stores and
/// loads otherwise (`ldapr`). On x86 the load is the same instruction.
@safe
final class ReferenceTable<Object: AnyObject>: @unchecked Sendable {
  // Safe: `capacity` words that live as long as the table; each is nil or a retained reference.
  private let words: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>
  let capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    unsafe words = .allocate(capacity: capacity)
    for position in 0..<capacity { unsafe (words + position).initialize(to: Atomic(nil)) }
  }

  deinit {
    for position in 0..<capacity { _ = exchange(nil, at: position) }
    unsafe words.deinitialize(count: capacity)
    unsafe words.deallocate()
  }

  /// What readers look through; the table outlives it.
  @inline(__always)
  var reader: Reader { unsafe Reader(words: words, capacity: capacity) }

  /// The object at `position`, retained; under the changer's lock, which keeps it from being taken out meanwhile.
  subscript(_ position: Int) -> Object? { reader.with(position) { $0 } }

  /// Publishes an object, or nil; answers what was there, for the caller to keep until nobody looks at it.
  func exchange(_ object: Object?, at position: Int) -> Object? {
    precondition(position >= 0 && position < capacity, "There is no such place in the table.")
    let word = unsafe object.map { unsafe Unmanaged.passRetained($0).toOpaque() }
    let before = unsafe words[position].exchange(word, ordering: .sequentiallyConsistent)
    return unsafe before.map { unsafe Unmanaged<Object>.fromOpaque($0).takeRetainedValue() }
  }

  /// The table without its object: reading through it touches no reference count, not even the table's.
  @safe
  struct Reader: @unchecked Sendable {
    // Safe: the words of a table that outlives this value.
    fileprivate let words: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>
    fileprivate let capacity: Int

    fileprivate init(
      words: UnsafeMutablePointer<Atomic<UnsafeMutableRawPointer?>>, capacity: Int
    ) {
      unsafe self.words = words
      self.capacity = capacity
    }

    /// Looks at the object at `position`, if there is one; nothing of it may be kept.
    @inline(__always)
    func with<Result>(_ position: Int, _ body: (Object) -> Result) -> Result? {
      guard position >= 0, position < capacity else { return nil }
      let word = unsafe words[position].load(ordering: .sequentiallyConsistent)
      guard let word = unsafe word else { return nil }
      // Safe: whoever takes the object out waits for the reader's section to end.
      return unsafe Unmanaged<Object>.fromOpaque(word)._withUnsafeGuaranteedRef { body($0) }
    }
  }
}
