// SPDX-License-Identifier: Apache-2.0

internal import EBPF
internal import XDPFrame

/// What programs do to packets.
///
/// The octets that a program names with a pointer are copied through a buffer of the host, because they may lie in a
/// hole of the arena, which is found out on the way.
///
/// Source: `net/core/filter.c`.
enum PacketHelpers {
  private static let invalid = UInt64(bitPattern: -22)
  private static let unreachable = UInt64(bitPattern: -14)

  // Safe: the functions follow arguments only through the context's memory, and the packet through its state.
  static func register(in table: inout HelperTable) {
    unsafe table[44] = { _, octets, _, _, _, context in
      unsafe PacketHelpers.adjust(RunContext(context)) { packet throws(PacketError) in
        try packet.adjustHead(by: PacketHelpers.signed(octets))
      }
    }
    unsafe table[54] = { _, octets, _, _, _, context in
      unsafe PacketHelpers.adjust(RunContext(context)) { packet throws(PacketError) in
        try packet.adjustMetadata(by: PacketHelpers.signed(octets))
      }
    }
    unsafe table[65] = { _, octets, _, _, _, context in
      unsafe PacketHelpers.adjust(RunContext(context)) { packet throws(PacketError) in
        try packet.adjustTail(by: PacketHelpers.signed(octets))
      }
    }
    unsafe table[188] = { _, _, _, _, _, context in
      unsafe PacketHelpers.withPacket(RunContext(context)) { UInt64($0.byteCount) }
    }
    unsafe table[189] = { _, offset, target, count, _, context in
      unsafe PacketHelpers.load(offset, target, count, RunContext(context))
    }
    unsafe table[190] = { _, offset, source, count, _, context in
      unsafe PacketHelpers.store(offset, source, count, RunContext(context))
    }
    unsafe table[25] = { _, map, flags, data, count, context in
      unsafe PacketHelpers.sendEvent(map, flags, data, count, RunContext(context))
    }
  }

  /// An `int` as a program passes it.
  @inline(__always)
  private static func signed(_ value: UInt64) -> Int { Int(Int32(truncatingIfNeeded: value)) }

  @inline(__always)
  static func withPacket(
    _ context: RunContext, _ body: (inout Buff) -> UInt64
  ) -> UInt64 {
    // Safe: the program that runs put its state there, and its packet into the state.
    let state = unsafe context.owner(1)?.assumingMemoryBound(to: PacketState.self)
    guard let packet = unsafe state?.pointee.packet else { return unreachable }
    return unsafe body(&packet.pointee)
  }

  private static func adjust(
    _ context: RunContext, _ body: (inout Buff) throws(PacketError) -> Void
  ) -> UInt64 {
    withPacket(context) { packet in
      do throws(PacketError) {
        try body(&packet)
      } catch {
        return UInt64(bitPattern: -Int64(error.errno))
      }
      // Safe: as in `withPacket(_:_:)`.
      let state = unsafe context.owner(1)?.assumingMemoryBound(to: PacketState.self)
      if let state = unsafe state {
        unsafe PacketState.showBorders(of: packet, in: state.pointee.view)
      }
      return 0
    }
  }

  private static func load(
    _ offset: UInt64, _ target: UInt64, _ count: UInt64, _ context: RunContext
  ) -> UInt64 {
    let count = Int(UInt32(truncatingIfNeeded: count))
    guard count <= 0xffff else { return unreachable }
    guard context.spend(octets: count) else { return 0 }
    return withPacket(context) { packet in
      unsafe withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 8) { room in
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: room[..<count])
        do throws(PacketError) {
          try unsafe packet.load(from: Int(UInt32(truncatingIfNeeded: offset)), into: room)
        } catch {
          return UInt64(bitPattern: -Int64(error.errno))
        }
        guard let start = room.baseAddress,
          unsafe context.memory.write(start, to: target, count: count)
        else { return context.refuse(target) }
        return 0
      }
    }
  }

  private static func store(
    _ offset: UInt64, _ source: UInt64, _ count: UInt64, _ context: RunContext
  ) -> UInt64 {
    let count = Int(UInt32(truncatingIfNeeded: count))
    guard count <= 0xffff else { return unreachable }
    guard context.spend(octets: count) else { return 0 }
    return withPacket(context) { packet in
      unsafe withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 8) { room in
        guard let start = room.baseAddress,
          unsafe context.memory.read(source, into: start, count: count)
        else { return context.refuse(source) }
        do throws(PacketError) {
          try unsafe packet.store(
            UnsafeRawBufferPointer(start: start, count: count),
            at: Int(UInt32(truncatingIfNeeded: offset)))
        } catch {
          return UInt64(bitPattern: -Int64(error.errno))
        }
        return 0
      }
    }
  }

  /// A record, and behind it as many octets of the packet as bits 32 to 51 of the flags say.
  ///
  /// Source: `bpf_xdp_event_output()`.
  private static func sendEvent(
    _ map: UInt64, _ flags: UInt64, _ data: UInt64, _ count: UInt64, _ context: RunContext
  ) -> UInt64 {
    let packetCount = Int(flags >> 32 & 0xfffff)
    let count = Int(UInt32(truncatingIfNeeded: count))
    guard flags >> 52 == 0 else { return invalid }
    return withPacket(context) { packet in
      guard packetCount <= packet.byteCount else { return unreachable }
      guard count <= 0xffff else { return UInt64(bitPattern: -7) }
      guard context.spend(octets: count + packetCount) else { return 0 }
      var record = [UInt8](repeating: 0, count: count + packetCount)
      let isThere = unsafe record.withUnsafeMutableBytes { record in
        guard let start = record.baseAddress, count == 0 || context.memory.fits(data, count) else {
          return unsafe record.isEmpty
        }
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: record[count...])
        return unsafe context.memory.read(data, into: start, count: count)
          && packet.copyBytes(from: 0, to: rest)
      }
      guard isThere else { return context.refuse(data) }
      return UInt64(bitPattern: Int64(context.sendEvent(record, map: map, flags: flags)))
    }
  }
}
