// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import XDPFrame

/// The references to a datapath's ports, one for each port, so that everything that leads there counts together.
final class PortDirectory: Sendable {
  private let references = Mutex<[UInt32: PortReference]>([:])

  /// The reference to a port, made when it is first asked for.
  func reference(to port: any Port) -> PortReference {
    references.withLock { references in
      if let known = references[port.number] { return known }
      let reference = PortReference(port)
      references[port.number] = reference
      return reference
    }
  }

  /// Forgets a port; what still leads there keeps its reference.
  func forget(_ port: any Port) {
    references.withLock { _ = $0.removeValue(forKey: port.number) }
  }
}
