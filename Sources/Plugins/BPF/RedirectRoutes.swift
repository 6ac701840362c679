// SPDX-License-Identifier: Apache-2.0

public import EBPF
public import XDPFrame

/// Where a program's redirects lead in its datapath.
public struct RedirectRoutes: Sendable {
  /// The datapath's map that stands behind all maps of a kind.
  public var maps: [MapKind: UInt16]
  /// Where `bpf_redirect()` leads for an interface's index.
  public var interfaces: [UInt32: RedirectTarget]

  /// Redirects that lead where they are told to, and nowhere unless told.
  public init(
    maps: [MapKind: UInt16] = [:], interfaces: [UInt32: RedirectTarget] = [:]
  ) {
    self.maps = maps
    self.interfaces = interfaces
  }
}
