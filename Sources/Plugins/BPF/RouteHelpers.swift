// SPDX-License-Identifier: Apache-2.0

internal import EBPF
internal import Wire
internal import XDPFrame

/// Where a packet would go next, by the table that the program was given; without one nothing is forwarded.
///
/// Source: `bpf_xdp_fib_lookup()`, `net/core/filter.c`. The table knows no metrics and one set of rules: the route's
/// metric is not written, and of the flags only that for leaving neighbours alone makes a difference.
enum RouteHelpers {
  /// The octets of `struct bpf_fib_lookup`, and where its fields lie.
  private static let byteCount = 64
  private enum Field {
    static let length: UInt64 = 6
    static let interface: UInt64 = 8
    static let destination: UInt64 = 32
    static let vlan: UInt64 = 48
    static let sourceAddress: UInt64 = 52
    static let destinationAddress: UInt64 = 58
  }
  /// The `BPF_FIB_LKUP_RET_` numbers.
  private enum Result {
    static let success: UInt64 = 0
    static let blackhole: UInt64 = 1
    static let notForwarded: UInt64 = 4
    static let tooLong: UInt64 = 8
  }
  private static let knownFlags: UInt32 = 0x3f
  private static let skipNeighbour: UInt32 = 4

  // Safe: the function follows arguments only through the context's memory.
  static func register(in table: inout HelperTable) {
    unsafe table[69] = { _, parameters, byteCount, flags, _, context in
      unsafe RouteHelpers.lookUp(parameters, byteCount, flags, RunContext(context))
    }
  }

  private static func lookUp(
    _ parameters: UInt64, _ byteCount: UInt64, _ flags: UInt64, _ context: RunContext
  ) -> UInt64 {
    let flags = UInt32(truncatingIfNeeded: flags)
    guard Int32(truncatingIfNeeded: byteCount) >= RouteHelpers.byteCount, flags & ~knownFlags == 0
    else { return UInt64(bitPattern: -22) }
    let memory = context.memory
    let place = parameters &+ Field.destination
    guard let family = memory.load8(parameters), let high = memory.load64(place),
      let low = memory.load64(place &+ 8), memory.load64(parameters &+ 56) != nil
    else { return context.refuse(parameters) }
    // Safe: the program that runs put its state there.
    let state = unsafe context.owner(1)?.assumingMemoryBound(to: PacketState.self)
    let table = unsafe state?.pointee.forwarding
    let hop: ForwardingTable.Hop?
    switch family {
    case 2:
      let word = UInt32(bigEndian: UInt32(truncatingIfNeeded: high))
      hop = table?.hop(to: IPv4Address(rawValue: word))
    case 10:
      hop = table?.hop(to: IPv6Address(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low)))
    default: return UInt64(bitPattern: -97)
    }
    switch hop?.action {
    case .drop: return Result.blackhole
    case .forward: return answer(hop ?? .pass, parameters, flags, context)
    default: return Result.notForwarded
    }
  }

  private static func answer(
    _ hop: ForwardingTable.Hop, _ parameters: UInt64, _ flags: UInt32, _ context: RunContext
  ) -> UInt64 {
    let memory = context.memory
    let length = memory.load16(parameters &+ Field.length) ?? 0
    let mtu = UInt16(clamping: hop.mtu)
    var isWritten = memory.store16(parameters &+ Field.length, mtu)
    guard length <= mtu else { return isWritten ? Result.tooLong : context.refuse(parameters) }
    isWritten = isWritten && memory.store32(parameters &+ Field.interface, hop.interfaceIndex)
    isWritten = isWritten && memory.store32(parameters &+ Field.vlan, 0)
    if flags & skipNeighbour == 0 {
      for (place, address) in [
        (Field.sourceAddress, hop.source), (Field.destinationAddress, hop.destination),
      ] {
        for octet in 0..<UInt64(6) {
          let value = UInt8(truncatingIfNeeded: address.rawValue >> (40 - 8 * octet))
          isWritten = isWritten && memory.store8(parameters &+ place &+ octet, value)
        }
      }
    }
    return isWritten ? Result.success : context.refuse(parameters)
  }
}
