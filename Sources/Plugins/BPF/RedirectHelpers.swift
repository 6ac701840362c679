// SPDX-License-Identifier: Apache-2.0

internal import EBPF
internal import XDPFrame

/// Where programs send packets.
///
/// Source: `net/core/filter.c`, `__bpf_xdp_redirect_map()` in `include/linux/filter.h`.
enum RedirectHelpers {
  // Safe: the functions follow no argument, and the packet through its state.
  static func register(in table: inout HelperTable) {
    unsafe table[23] = { interface, flags, _, _, _, context in
      unsafe RedirectHelpers.redirect(interface, flags, RunContext(context))
    }
    unsafe table[51] = { map, key, flags, _, _, context in
      unsafe RedirectHelpers.redirect(map, key, flags, RunContext(context))
    }
  }

  private static func redirect(
    _ interface: UInt64, _ flags: UInt64, _ context: RunContext
  ) -> UInt64 {
    guard flags == 0 else { return UInt64(Verdict.aborted.rawValue) }
    return send(nil, UInt32(truncatingIfNeeded: interface), [], context)
  }

  private static func redirect(
    _ map: UInt64, _ key: UInt64, _ flags: UInt64, _ context: RunContext
  ) -> UInt64 {
    let key = UInt32(truncatingIfNeeded: key)
    guard let (kind, hasEntry) = context.redirectTarget(map, key) else {
      return UInt64(Verdict.aborted.rawValue)
    }
    let isDevice = kind == .deviceMap || kind == .deviceHash
    let known = (isDevice ? RedirectKind.device : .cpu).knownFlags
    let wanted = RedirectFlags(rawValue: UInt16(truncatingIfNeeded: flags))
    guard flags <= UInt64(UInt16.max), wanted.isSubset(of: known) else {
      return UInt64(Verdict.aborted.rawValue)
    }
    guard hasEntry || wanted.contains(.broadcast) else { return UInt64(wanted.miss.rawValue) }
    return send(kind, key, wanted, context)
  }

  /// Notes where the packet goes; where nothing says so, it is dropped when the verdict is acted on.
  private static func send(
    _ kind: MapKind?, _ key: UInt32, _ flags: RedirectFlags, _ context: RunContext
  ) -> UInt64 {
    PacketHelpers.withPacket(context) { packet in
      // Safe: as in `withPacket(_:_:)`.
      let state = unsafe context.owner(1)?.assumingMemoryBound(to: PacketState.self)
      let found = unsafe state?.pointee.routes.target(
        kind, key: key, from: packet.queue.port, flags)
      return UInt64(packet.redirect(to: found ?? RedirectTarget(map: 0, key: 0)).rawValue)
    }
  }
}
