// SPDX-License-Identifier: Apache-2.0

import Syscalls

extension Configuration {
  /// Gives up, for ever, what the daemon may do beyond its needs.
  ///
  /// Before its threads begin: they start with what is left, and none has to be interrupted for it.
  ///
  /// - Throws: ``SetUpError``; a daemon that cannot give up privileges does not run with them.
  func giveUpPrivileges() throws(SetUpError) {
    do {
      try Capabilities.limit(to: daemon.privileges == .keepForPorts ? neededCapabilities : [])
    } catch {
      throw SetUpError("privileges: \(error)")
    }
  }

  /// What it takes to open the ports, now or when an interface has come back.
  var neededCapabilities: Capabilities {
    ports.reduce(into: []) { needed, port in
      switch port.kind {
      case .afxdp: needed.formUnion([.networkRaw, .networkAdministration, .bpf, .lockMemory])
      case .packet: needed.insert(.networkRaw)
      case .tap: needed.insert(.networkAdministration)
      case .memory, .generator, .pcap: break
      }
    }
  }
}
