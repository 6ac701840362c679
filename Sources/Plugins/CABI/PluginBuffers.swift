// SPDX-License-Identifier: Apache-2.0

internal import Arena
internal import CPluginABI
internal import Glibc
internal import XDPFrame

/// The memory that a plugin brought, in the arena: equal buffers, each with a number and a descriptor.
///
/// Where the CPU may not read it, nothing is mapped: the buffers have their places in the window, so that offsets and
/// descriptors work, and whoever touches one faults instead of reading something else.
@safe
struct PluginBuffers: Sendable {
  /// Whether the CPU may read them.
  let isReadable: Bool
  /// The octets of one.
  let byteCount: Int
  let count: Int
  private let arena: Arena
  private let segment: Segment
  /// Where a packet that begins in an unreadable buffer would list its fragments: never in that buffer.
  private let sharedInfo: TrustedBlock?

  /// Maps what a plugin brought; its file is ours, also when this throws.
  init(
    _ brought: xdpf_memory, isReadable: Bool, in arena: Arena, of plugin: Plugin
  ) throws(PluginError) {
    let size = brought.buffer_size
    let count = brought.buffer_count
    guard size % UInt32(Limits.granule) == 0, UInt32(Limits.granule)...65_536 ~= size else {
      PluginBuffers.close(brought)
      throw PluginError(
        plugin.path,
        .invalid(
          field: "xdpf_memory.buffer_size", UInt64(size),
          allowed: "a multiple of 2048, 2048...65536"))
    }
    guard 1...1_048_576 ~= count else {
      PluginBuffers.close(brought)
      throw PluginError(
        plugin.path,
        .invalid(field: "xdpf_memory.buffer_count", UInt64(count), allowed: "1...1048576"))
    }
    self.isReadable = isReadable
    self.count = Int(count)
    byteCount = Int(size)
    self.arena = arena
    // To whole pages, and to whole huge pages where that is what the file is made of.
    let octets = (UInt(size) * UInt(count) + 4_095) & ~4_095
    do {
      segment = try PluginBuffers.segment(brought, octets, isReadable: isReadable, in: arena)
      sharedInfo =
        isReadable
        ? nil : try arena.allocateTrusted(byteCount: UInt(Limits.sharedInfo) * UInt(count))
    } catch {
      throw PluginError(plugin.path, .memory("\(error)"))
    }
  }

  private static func segment(
    _ brought: xdpf_memory, _ octets: UInt, isReadable: Bool, in arena: Arena
  ) throws(ArenaError) -> Segment {
    guard isReadable else {
      close(brought)
      return try arena.addUnreadableSegment(byteCount: octets)
    }
    guard brought.file >= 0 else { return try arena.addSegment(byteCount: octets) }
    return try arena.addSegment(mapping: brought.file, byteCount: octets)
  }

  /// Closes the file of a plugin that was refused.
  static func close(_ brought: xdpf_memory) {
    if brought.file >= 0 { _ = Glibc.close(brought.file) }
  }

  private var granules: UInt32 { UInt32(byteCount / Limits.granule) }
  private var firstIndex: UInt32 { UInt32(segment.offset / UInt(Limits.granule)) }

  /// The buffer of a number; nil where there is none.
  func descriptor(_ number: UInt32) -> Descriptor? {
    guard number < count else { return nil }
    // Safe: the buffer lies in the segment.
    return unsafe Descriptor(base: arena.base, index: firstIndex &+ number &* granules)
  }

  /// The number of a buffer; nil for one that is none of these.
  func number(of descriptor: Descriptor) -> UInt32? {
    let distance = descriptor.index &- firstIndex
    let (number, rest) = distance.quotientAndRemainder(dividingBy: granules)
    return rest == 0 && number < count ? number : nil
  }

  /// Writes what never changes about the buffers.
  func describe(_ memory: MemoryInfo) {
    for number in 0..<UInt32(count) {
      guard let descriptor = descriptor(number) else { continue }
      descriptor.frameByteCount = UInt32(byteCount)
      descriptor.memory = memory
      descriptor.owner = .free
      descriptor.head = 0
      if let sharedInfo {
        descriptor.flags = [.unreadableFragments, .sharedInfoBeside]
        let offset = sharedInfo.offset + UInt(number) * UInt(Limits.sharedInfo)
        descriptor.placeSharedInfo(atOffset: offset)
      } else {
        descriptor.flags = []
        let end = segment.offset + UInt(number + 1) * UInt(byteCount)
        descriptor.placeSharedInfo(
          atOffset: AddressMap.arenaOffset + end - UInt(Limits.sharedInfo))
      }
    }
  }

  /// Counts the buffers by who holds them.
  func census() -> Census {
    var counts: [Owner: Int] = [:]
    for number in 0..<UInt32(count) {
      if let holder = descriptor(number)?.holder { counts[holder, default: 0] += 1 }
    }
    return Census(capacity: count, counts: counts)
  }
}
