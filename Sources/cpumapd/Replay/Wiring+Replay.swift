// SPDX-License-Identifier: Apache-2.0

import Datapath
import MemModels
import Ports
import XDPFrame

extension Wiring {
  /// Wires a configuration for a replay: the same programs, maps and routes, over ports in memory and without threads.
  ///
  /// - Parameters:
  ///   - configuration: Checked.
  ///   - warn: Told what an operator should know.
  /// - Throws: ``SetUpError``; nothing of it is left then.
  convenience init(
    replaying configuration: Configuration, warn: @escaping @Sendable (String) -> Void
  ) throws(SetUpError) {
    try self.init(configuration, workers: .stepped, warn: warn) { registry in
      try configuration.ports.map { port in
        let pool = try PagePool(
          registry: registry, pageCount: configuration.memory.frames,
          ringCapacity: min(configuration.memory.frames, Limits.queue))
        let made = try MemoryPort(
          name: port.name, registry: registry,
          mtu: port.longestPacket - Configuration.AFXDP.framing, models: [pool],
          receiving: port.receive ?? .jumbo)
        return PortBuilder.Built(port: made, pools: [pool])
      }
    }
  }
}
