// SPDX-License-Identifier: Apache-2.0

internal import Syscalls

/// What a port knows about its interface, kept true by the kernel's link messages; under the port's lock.
struct InterfaceWatch: ~Copyable {
  /// The interface's name, by which it is found again.
  let device: String
  private var monitor: InterfaceMonitor
  /// The interface as it is, or was last.
  private(set) var state: InterfaceState
  /// Why there is no interface; nil while there is one.
  private(set) var absence: String?

  /// Looks up an interface of the calling thread's namespace.
  init(_ device: String) throws(SystemCallError) {
    // First listened, then looked: so no change is missed.
    let monitor = try InterfaceMonitor()
    state = try Interface(named: device).state()
    self.monitor = monitor
    self.device = device
  }

  /// The interface, while there is one.
  var interface: Interface? {
    absence == nil ? Interface(index: state.index, name: device) : nil
  }

  /// Whether the interface is there and carries packets.
  ///
  /// `IFF_RUNNING` would follow the carrier up to a second later.
  var carries: Bool { absence == nil && state.isUp && state.flags.contains(.carrier) }

  /// Takes in what has happened to the interface; in its namespace.
  mutating func observe() {
    guard let batch = try? monitor.read() else { return }
    for event in batch.events { note(event) }
    // The message that the carrier is back may be a second late.
    if batch.hasLost || absence == nil && !carries { lookUp() }
  }

  private mutating func note(_ event: InterfaceEvent) {
    switch event.change {
    case .changed:
      let isOurs = absence == nil && event.index == state.index
      guard isOurs || event.name == device else { return }
      state = event.state
      absence = nil
    case .removed:
      guard event.index == state.index else { return }
      absence = "the interface was deleted"
    case .moved:
      guard event.index == state.index else { return }
      absence = "the interface was moved to another network namespace"
    }
  }

  /// Looks the interface up anew; in its namespace.
  mutating func lookUp() {
    do throws(SystemCallError) {
      state = try Interface(named: device).state()
      absence = nil
    } catch {
      guard error.errno == .noSuchDevice else { return }
      absence = absence ?? "the interface does not exist"
    }
  }
}

extension InterfaceState {
  /// Octets of the largest packet that the interface carries, with an Ethernet header and a VLAN tag.
  var largestPacket: UInt32 { mtu + UInt32(InterfaceLimits.framing) }
}
