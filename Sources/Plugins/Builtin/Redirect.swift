// SPDX-License-Identifier: Apache-2.0

public import XDPFrame

/// Redirects every packet to one and the same place.
///
/// Source: `xdp_redirect` and `xdp_redirect_map`, the kernel's samples, which swap the Ethernet addresses, too.
public final class Redirect: Program, Sendable {
  private let target: RedirectTarget

  /// Redirects to a key of a map, or to every entry of it.
  public init(to target: RedirectTarget) {
    self.target = target
  }

  /// Gives every packet the verdict REDIRECT.
  public func run(_ burst: inout Burst) {
    var position = 0
    let count = burst.count
    while position < count {
      // Safe: the position is below the burst's count.
      unsafe burst.packets[position].target = target
      position &+= 1
    }
    burst.setAll(.redirect)
  }
}

/// Redirects every packet to the entry whose key is the number of the port that the packet came by.
public final class RedirectByPort: Program, Sendable {
  private let map: UInt16
  private let miss: Verdict

  /// Redirects to a map of ports.
  ///
  /// - Parameters:
  ///   - map: The map's number in its datapath.
  ///   - miss: The verdict where the port has no entry.
  public init(map: UInt16, onMiss miss: Verdict = .drop) {
    self.map = map
    self.miss = miss
  }

  /// Gives every packet the verdict REDIRECT.
  public func run(_ burst: inout Burst) {
    var position = 0
    let count = burst.count
    while position < count {
      // Safe: the position is below the burst's count.
      let packet = unsafe burst.packets + position
      unsafe packet.pointee.target = RedirectTarget(
        map: map, key: packet.pointee.queue.port, onMiss: miss)
      position &+= 1
    }
    burst.setAll(.redirect)
  }
}
