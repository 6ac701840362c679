// SPDX-License-Identifier: Apache-2.0

import Syscalls

/// Two namespaces joined by a cable: the daemon's, and the sender's.
///
///     sender ── "peer0" ═══ veth ═══ "demo0" ── daemon
///
/// Neither has a name, so nothing is left behind, however the demo ends.
final class DemoNetwork: Sendable {
  let sender: NetworkNamespace
  let daemon: NetworkNamespace
  let peer: Interface
  private let cable: VethPair

  /// Builds both namespaces and the cable.
  ///
  /// - Throws: `Errno.notPermitted` without the right to make namespaces.
  init() throws {
    sender = try NetworkNamespace.anonymous()
    daemon = try NetworkNamespace.anonymous()
    for namespace in [sender, daemon] { try namespace.disableIPv6() }
    cable = try VethPair(
      "peer0", in: sender, peer: DemoConfiguration.device, in: daemon, queueCount: 1,
      mtu: UInt32(DemoConfiguration.mtu))
    peer = cable.first
    try sender.run {
      for offload in [Offload.transmitChecksum, .tcpSegmentation, .genericSegmentation] {
        try peer.setOffload(offload, false)
      }
    }
  }

  /// Why the real thing cannot be shown here; nil if it can.
  static var obstacle: String? {
    let needed: Capabilities = [
      .networkAdministration, .networkRaw, .systemAdministration, .bpf,
    ]
    let missing = needed.subtracting(Capabilities.effective)
    guard missing.isEmpty || Capabilities.effective.contains(.systemAdministration) else {
      return "this user lacks \(missing.cNames.joined(separator: ", "))"
    }
    do {
      _ = try NetworkNamespace.anonymous()
      return nil
    } catch {
      return "network namespaces cannot be made here: \(error)"
    }
  }
}
