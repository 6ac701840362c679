// SPDX-License-Identifier: Apache-2.0

public import Arena
internal import XDPFrame

/// The buffers of one model: equal pieces of a segment, each with its descriptor.
///
/// Set-up and inspection; nothing here is on the path of a packet.
@safe
public struct BufferRange: Sendable {
  /// Where the buffers lie; kept alive by this value.
  public let segment: Segment
  let arena: Arena
  /// How many there are.
  public let count: Int
  /// The octets of one, a multiple of the granule.
  public let byteCount: Int
  /// Where the first one lies, in octets from the beginning of the arena window.
  let offset: UInt

  /// Names `count` buffers of a segment.
  ///
  /// - Parameters:
  ///   - arena: What the segment belongs to.
  ///   - segment: What the buffers lie in.
  ///   - first: How many buffers of the segment, of the same size, lie in front of the first.
  ///   - count: How many there are.
  ///   - byteCount: The octets of one.
  init(arena: Arena, segment: Segment, first: Int = 0, count: Int, byteCount: Int) {
    self.arena = arena
    self.segment = segment
    self.count = count
    self.byteCount = byteCount
    offset = segment.offset + UInt(first * byteCount)
  }

  /// The descriptor of buffer `position`, 0 up to ``count``.
  func descriptor(_ position: Int) -> Descriptor {
    let granule = (Int(offset) + position * byteCount) / Limits.granule
    // Safe: the granule lies in the segment.
    return unsafe Descriptor(base: arena.base, index: UInt32(granule))
  }

  /// Writes what never changes about the buffers: their size, their model, where their shared info lies.
  ///
  /// - Parameters:
  ///   - memory: The model.
  ///   - sharedInfo: A block with room for every buffer's, for models whose buffers are filled to the
  ///     end; nil puts it in the tailroom.
  func describe(memory: MemoryInfo, sharedInfo: TrustedBlock? = nil) {
    for position in 0..<count {
      let descriptor = descriptor(position)
      descriptor.frameByteCount = UInt32(byteCount)
      descriptor.memory = memory
      descriptor.owner = .free
      descriptor.head = 0
      if let sharedInfo {
        descriptor.flags = .sharedInfoBeside
        descriptor.placeSharedInfo(
          atOffset: sharedInfo.offset + UInt(position * Limits.sharedInfo))
      } else {
        descriptor.flags = []
        let start = AddressMap.arenaOffset + offset + UInt(position * byteCount)
        descriptor.placeSharedInfo(atOffset: start + UInt(byteCount - Limits.sharedInfo))
      }
    }
  }

  /// Counts the buffers by who holds them.
  func census() -> Census {
    var counts: [Owner: Int] = [:]
    for position in 0..<count {
      counts[descriptor(position).holder, default: 0] += 1
    }
    return Census(capacity: count, counts: counts)
  }
}
