// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A table of objects that is read while it is changed.
///
/// Reading costs one load and no reference counting; the reader is inside a ``Quiescence`` section. Whoever takes an
/// object out keeps it until that section cannot be open any more.
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

  /// Looks at the object at `position`, if there is one.
  @inline(__always)
  func with<Result>(_ position: Int, _ body: (Object) -> Result) -> Result? {
    guard position >= 0, position < capacity else { return nil }
    guard let word = unsafe words[position].load(ordering: .acquiring) else { return nil }
    // Safe: whoever takes the object out waits for the reader's section to end.
    return unsafe Unmanaged<Object>.fromOpaque(word)._withUnsafeGuaranteedRef { body($0) }
  }

  /// The object at `position`, retained; for set-up and reports, under the changer's lock.
  subscript(_ position: Int) -> Object? { with(position) { $0 } }

  /// Publishes an object, or nil; answers what was there, for the caller to keep until nobody looks at it.
  func exchange(_ object: Object?, at position: Int) -> Object? {
    precondition(position >= 0 && position < capacity, "There is no such place in the table.")
    let word = unsafe object.map { unsafe Unmanaged.passRetained($0).toOpaque() }
    let before = unsafe words[position].exchange(word, ordering: .sequentiallyConsistent)
    return unsafe before.map { unsafe Unmanaged<Object>.fromOpaque($0).takeRetainedValue() }
  }
}
