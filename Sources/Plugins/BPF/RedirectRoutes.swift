// SPDX-License-Identifier: Apache-2.0

internal import EBPF
internal import XDPFrame

/// Where a program's redirects lead in its datapath, by the numbers of its maps.
public struct RedirectRoutes: Sendable {
  /// The map that stands behind maps of CPUs, key for key; nil for nowhere.
  public var cpuMap: UInt16?
  /// The map that stands behind maps of devices, key for key; nil asks ``portMap``.
  public var deviceMap: UInt16?
  /// The map that stands behind maps of sockets, key for key; nil for nowhere.
  public var socketMap: UInt16?
  /// The map whose keys are the numbers of the ports that packets come by; it answers for interfaces.
  public var portMap: UInt16?

  /// Redirects that lead where they are told to, and nowhere unless told.
  public init(
    cpuMap: UInt16? = nil, deviceMap: UInt16? = nil, socketMap: UInt16? = nil,
    portMap: UInt16? = nil
  ) {
    self.cpuMap = cpuMap
    self.deviceMap = deviceMap
    self.socketMap = socketMap
    self.portMap = portMap
  }

  /// Where a redirect to a key of a map leads, or, without a kind, one to an interface; nil for nowhere.
  @inline(__always)
  func target(
    _ kind: MapKind?, key: UInt32, from port: UInt32, _ flags: RedirectFlags
  ) -> RedirectTarget? {
    let map =
      switch kind {
      case .cpuMap: cpuMap
      case .xskMap: socketMap
      case nil: UInt16?.none
      default: deviceMap
      }
    if let map { return RedirectTarget(map: map, key: key, flags: flags) }
    guard kind != .cpuMap, kind != .xskMap, let portMap else { return nil }
    return RedirectTarget(map: portMap, key: port, flags: flags)
  }
}
