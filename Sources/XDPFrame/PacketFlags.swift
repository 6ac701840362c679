// SPDX-License-Identifier: Apache-2.0

/// What is special about a packet; the kernel's bits first.
///
/// Source: `enum xdp_buff_flags`, `include/net/xdp.h`; ``sharedInfoBeside`` and ``segmented`` are ours.
@frozen
public struct PacketFlags: OptionSet, Sendable {
  /// The bits.
  public let rawValue: UInt32

  /// Flags by bits.
  @inlinable
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// There are fragments; ``SharedInfo`` is meaningful only then.
  @inlinable public static var hasFragments: PacketFlags { PacketFlags(rawValue: 1) }
  /// A fragment came from the memory reserve.
  @inlinable public static var memoryReserve: PacketFlags { PacketFlags(rawValue: 2) }
  /// The CPU may not read the fragments.
  @inlinable public static var unreadableFragments: PacketFlags { PacketFlags(rawValue: 4) }
  /// What a buffer's own flags say about every packet that has it as a fragment.
  @inlinable static var ofBuffer: PacketFlags { [.memoryReserve, .unreadableFragments] }
  /// What is only meaningful while there are fragments; a buffer that goes home keeps none of it.
  @inlinable static var ofFragments: PacketFlags {
    [.hasFragments, .memoryReserve, .unreadableFragments]
  }
  /// Of a buffer that is a fragment: it holds the other half of its page, too.
  @inlinable static var holdsSibling: PacketFlags { PacketFlags(rawValue: 0x2000) }
  /// The packet is to be cut into segments when it leaves, as ``Segmentation`` says.
  @inlinable public static var segmented: PacketFlags { PacketFlags(rawValue: 0x4000) }
  /// What makes a packet more than the octets of one buffer: whoever transmits looks twice.
  @inlinable public static var uncommon: PacketFlags { [.hasFragments, .segmented] }
  /// ``SharedInfo`` lies beside the descriptor, so the packet may use the buffer to its last octet.
  @inlinable public static var sharedInfoBeside: PacketFlags { PacketFlags(rawValue: 0x8000) }
}
