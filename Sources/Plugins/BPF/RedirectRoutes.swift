// SPDX-License-Identifier: Apache-2.0

public import EBPF
internal import XDPFrame

/// Where a program's redirects lead in its datapath.
public struct RedirectRoutes: Sendable {
  /// The datapath's map that stands behind all maps of a kind, key for key.
  public var maps: [MapKind: UInt16]
  /// The datapath's map whose keys are the numbers of the ports that packets come by.
  ///
  /// It answers for interfaces, and for maps of devices that no other map stands behind.
  public var portMap: UInt16?

  /// Redirects that lead where they are told to, and nowhere unless told.
  public init(maps: [MapKind: UInt16] = [:], portMap: UInt16? = nil) {
    self.maps = maps
    self.portMap = portMap
  }

  /// Where a redirect to a key of a map leads, or, without a kind, one to an interface; nil for nowhere.
  func target(
    _ kind: MapKind?, key: UInt32, from port: UInt32, onMiss miss: Verdict
  ) -> RedirectTarget? {
    if let kind, let map = maps[kind] { return RedirectTarget(map: map, key: key, onMiss: miss) }
    guard kind == nil || kind == .deviceMap || kind == .deviceHash, let portMap else { return nil }
    return RedirectTarget(map: portMap, key: port, onMiss: miss)
  }
}
