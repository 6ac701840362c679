// SPDX-License-Identifier: Apache-2.0

internal import XDPFrame

extension Outcomes {
  /// Redirecting a packet more often than this is a loop, `redirect_loop`.
  static var hopLimit: UInt8 { 4 }

  /// Hands each map its frames, in order, then acts on those it has no entry for.
  ///
  /// Source: `xdp_do_redirect()` and `xdp_do_flush()`, `net/core/filter.c`.
  mutating func flushRedirects() {
    countHops()
    while redirects.count > 0 {
      takeGroup()
      let isMap: Void? = routes.maps.reader.with(Int(unsafe group.targets[0].map)) {
        $0.map.redirect(&group, tally: tally)
      }
      if !group.refused.isEmpty { group.refused.recycle() }
      if group.count > 0 { actOnMisses(isMap: isMap != nil) }
    }
  }

  /// Ends packets that go in circles.
  private mutating func countHops() {
    let isFirst = port != nil
    var left = 0
    for position in 0..<redirects.count {
      let descriptor = unsafe redirects.descriptors[position]
      let hops = isFirst ? 1 : descriptor.hopCount &+ 1
      descriptor.hopCount = hops
      if hops > Outcomes.hopLimit {
        fail(Frame(owning: descriptor), .redirectLoop)
      } else {
        unsafe redirects.descriptors[left] = descriptor
        unsafe redirects.targets[left] = redirects.targets[position]
        left &+= 1
      }
    }
    redirects.truncate(to: left)
  }

  /// Moves the frames of the first frame's map into `group`, keeping the order of both.
  private mutating func takeGroup() {
    let map = unsafe redirects.targets[0].map
    var left = 0
    for position in 0..<redirects.count {
      let target = unsafe redirects.targets[position]
      let descriptor = unsafe redirects.descriptors[position]
      if target.map == map {
        group.append(Frame(owning: descriptor), to: target)
      } else {
        unsafe redirects.descriptors[left] = descriptor
        unsafe redirects.targets[left] = target
        left &+= 1
      }
    }
    redirects.truncate(to: left)
  }

  /// Gives frames whose key does not exist the verdict they asked for in that case; where there is no map, none.
  ///
  /// Source: `__bpf_xdp_redirect_map()`, `include/linux/filter.h`: the low two flag bits are the verdict.
  private mutating func actOnMisses(isMap: Bool) {
    for position in 0..<group.count {
      let frame = Frame(owning: unsafe group.descriptors[position])
      let miss = unsafe UInt32(group.targets[position].miss)
      switch Verdict(rawValue: isMap ? miss : Verdict.drop.rawValue) {
      case .pass: passes.append(frame)
      case .transmit: transmits.append(frame)
      case .drop: fail(frame, .noEntry)
      default: abort(frame)
      }
    }
    group.truncate(to: 0)
  }
}
