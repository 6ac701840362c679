// SPDX-License-Identifier: Apache-2.0

/// One buffer of some memory model, with no packet in it yet; goes home when dropped.
///
/// Eight octets. A model hands it out; a port turns it into a ``Buff``, or adds it to one as a fragment.
@frozen
@safe
public struct Storage: ~Copyable, @unchecked Sendable {
  /// The buffer.
  public let descriptor: Descriptor

  /// Takes over a buffer that its model has just handed out.
  @inlinable
  @inline(__always)
  public init(owning descriptor: Descriptor) {
    self.descriptor = descriptor
  }

  /// Gives the buffer up to whoever now answers for it.
  @inlinable
  @inline(__always)
  public consuming func take() -> Descriptor {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  /// Sends the buffer home.
  @inlinable
  @inline(__always)
  public consuming func recycle() {
    MemoryRegistry.recycle(take())
  }

  @inlinable
  deinit {
    MemoryRegistry.abandon(descriptor)
  }
}
