// SPDX-License-Identifier: Apache-2.0

extension Descriptor {
  /// The fragments of the frame at rest that begins in this buffer, 0...17.
  @inlinable public var fragmentCount: Int {
    flags.contains(.hasFragments) ? sharedInfo.fragmentCount : 0
  }

  /// One fragment of the frame at rest that begins in this buffer, checked as ``Buff/fragment(at:)`` does.
  ///
  /// - Parameter position: 0 up to ``fragmentCount``.
  /// - Returns: nil when there is no such fragment, or what stands there is forged.
  @inlinable
  public func fragment(at position: Int) -> Fragment? {
    guard position >= 0, position < fragmentCount else { return nil }
    // Safe: the position is below 17, the length of the list.
    let fragment = unsafe sharedInfo.fragments[position]
    return fragment.isPart(of: self) ? fragment : nil
  }

  /// The buffer that a fragment of this frame lies in.
  ///
  /// - Precondition: The fragment came from ``fragment(at:)``, which has checked it.
  @inlinable
  @inline(__always)
  public func buffer(of fragment: Fragment) -> Descriptor {
    unsafe Descriptor(base: base, index: fragment.slot.index)
  }
}
