// SPDX-License-Identifier: Apache-2.0

public import CLibURing

/// Where the owner of a ring prepares operations; they begin when the ring is submitted.
@frozen
@safe
public struct SubmissionQueue: ~Copyable {
  // Safe: this value lives inside its ring and cannot be copied out of it, so the structure outlives it.
  @usableFromInline let base: UnsafeMutablePointer<io_uring>

  @usableFromInline
  init(_ base: UnsafeMutablePointer<io_uring>) { unsafe self.base = base }

  /// How many more operations can be prepared before the next submit.
  @inlinable
  public var space: UInt32 { unsafe io_uring_sq_space_left(base) }

  /// How many operations are prepared and not yet submitted.
  @inlinable
  public var count: UInt32 { unsafe io_uring_sq_ready(base) }

  /// Prepares an operation.
  ///
  /// - Parameters:
  ///   - operation: What to do.
  ///   - token: What its completion will carry.
  ///   - flags: What applies to any kind of operation.
  /// - Returns: Whether there was room; if not, submit first.
  /// - Note: Never allocates.
  @inlinable
  public func enqueue(
    _ operation: some Operation, token: UInt64, flags: OperationFlags = []
  ) -> Bool {
    guard let entry = unsafe io_uring_get_sqe(base) else { return false }
    unsafe operation.prepare(entry)
    unsafe entry.pointee.flags |= flags.rawValue
    unsafe entry.pointee.user_data = token
    return true
  }
}

/// Something that the kernel can be asked to do.
public protocol Operation {
  /// Writes the whole entry, all but its token; flags may be added afterwards.
  func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>)
}

/// What applies to any kind of operation.
@frozen
public struct OperationFlags: OptionSet, Hashable, Sendable {
  /// The bits of C's `IOSQE_` constants.
  public let rawValue: UInt8
  /// Takes the bits of C's `IOSQE_` constants.
  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `IOSQE_FIXED_FILE`: the descriptor is an index into the registered files.
  @inlinable public static var registeredFile: OperationFlags { OperationFlags(rawValue: 1 << 0) }
  /// `IOSQE_IO_DRAIN`: begins when everything before it has completed.
  @inlinable public static var drain: OperationFlags { OperationFlags(rawValue: 1 << 1) }
  /// `IOSQE_IO_LINK`: the next begins when this has completed, and not at all if this fails.
  @inlinable public static var link: OperationFlags { OperationFlags(rawValue: 1 << 2) }
  /// `IOSQE_ASYNC`: begins in a thread of the kernel's, without trying to finish at once.
  @inlinable public static var asynchronous: OperationFlags { OperationFlags(rawValue: 1 << 4) }
  /// `IOSQE_CQE_SKIP_SUCCESS`: no completion unless it fails.
  @inlinable public static var silentSuccess: OperationFlags { OperationFlags(rawValue: 1 << 6) }
}
