// SPDX-License-Identifier: Apache-2.0

/// What a ring carries for a buffer: its number, and the generation it had when it was put there.
///
/// Eight octets, never a pointer, never zero; means the same in every process that maps the arena. A slot whose
/// generation is no longer the buffer's is stale: it is counted and never followed.
@frozen
public struct Slot: RawRepresentable, Equatable, Sendable {
  /// Generation in the upper half, index in the lower.
  public let rawValue: UInt64

  /// A slot as a ring holds it.
  @inlinable
  @inline(__always)
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The slot that stands for a buffer now.
  @inlinable
  @inline(__always)
  public init(_ descriptor: Descriptor) {
    rawValue = UInt64(descriptor.generation) &<< 32 | UInt64(descriptor.index)
  }

  /// The buffer's number.
  @inlinable public var index: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
  /// The generation that the buffer had.
  @inlinable public var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue &>> 32) }

  /// The buffer in the arena at `base`; nil when the slot is stale, or names nothing that an arena can hold.
  ///
  /// Safe: an index below the limit names a line of the descriptor table, whatever put it there.
  @inlinable
  @inline(__always)
  public func descriptor(base: UnsafeMutableRawPointer) -> Descriptor? {
    guard index < Descriptor.limit else { return nil }
    let descriptor = unsafe Descriptor(base: base, index: index)
    return descriptor.generation == generation ? descriptor : nil
  }
}
