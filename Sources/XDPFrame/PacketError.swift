// SPDX-License-Identifier: Apache-2.0

/// Why a packet was neither changed nor read; for each reason the kernel has its own error number.
@frozen
public enum PacketError: Error, Equatable, Sendable {
  /// Outside the packet, or outside the room that it has: `EINVAL`.
  case outOfBounds
  /// Metadata of this length cannot be: it must be a multiple of 4, and 252 octets at most: `EACCES`.
  case metadataLength
  /// The queue does not say how large its fragments' buffers are, so they cannot grow: `EOPNOTSUPP`.
  case fragmentsCannotGrow
  /// Farther into a packet than the kernel looks, or octets that the CPU may not read: `EFAULT`.
  case unreachable
  /// A frame needs 40 octets of headroom beside the metadata, and the tailroom: `ENOSPC`.
  case noFrameRoom

  /// The kernel's number, positive.
  @inlinable public var errno: Int32 {
    switch self {
    case .outOfBounds: 22
    case .metadataLength: 13
    case .fragmentsCannotGrow: 95
    case .unreachable: 14
    case .noFrameRoom: 28
    }
  }
}
